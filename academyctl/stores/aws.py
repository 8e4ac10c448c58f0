"""The one door to botocore: clients, and its exceptions told apart as cause and remedy."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import botocore.session
from botocore import exceptions as boto
from botocore.config import Config
from botocore.loaders import Loader
from botocore.parsers import ResponseParserError

from academyctl.errors import AwsError, Both

ClientFactory = Callable[[str], Any]

# One session a process, clients made one at a time: botocore's session is not thread-safe, its clients are.
_CREATE = threading.Lock()


class _Models(Loader):  # type: ignore[misc]
    """botocore's data files. It lists all of its 400 services to look for one; ours exist."""

    def list_available_services(self, type_name: str) -> Any:
        del type_name
        return _Every()


class _Every:
    def __contains__(self, name: object) -> bool:
        return True


# Read once a process: endpoints.json alone costs 50 ms of CPU, and each session would read it again.
_MODELS = _Models()

_AUTH = Both(
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of an active key; check which one is used: academyctl config show",
    "유효한 AWS_ACCESS_KEY_ID / AWS_SECRET_ACCESS_KEY를 설정하세요. 사용 중인 값: academyctl config show",
)
_CLOCK = Both("set this machine's clock (the signature is too old)", "이 컴퓨터의 시계를 맞추세요 (서명 시각 오류)")
_EXPIRED = Both("renew the temporary credentials (sign in again)", "임시 자격 증명을 갱신하세요 (다시 로그인)")
_PERMISSION = Both("add the action named above to the IAM policy", "위에 적힌 작업을 IAM 정책에 추가하세요")
_MISSING = Both(
    "check the name and the region; create it with academyctl, or correct the setting (academyctl config show)",
    "이름과 리전을 확인하고 새로 만들거나 설정을 고치세요 (academyctl config show)",
)
_REACH = Both(
    "check network, proxy, AWS_ENDPOINT_URL and the region's spelling",
    "네트워크, 프록시, AWS_ENDPOINT_URL, 리전 철자를 확인하세요",
)
_THROTTLE = Both("wait and try again; fewer calls at once", "잠시 뒤 다시 시도하세요 (호출 제한)")

# Error codes, their cause and remedy. Every spelling of each protocol (JSON, query, EC2, S3) is listed.
_TABLE = (
    ("InvalidClientTokenId UnrecognizedClientException InvalidAccessKeyId AuthFailure", "auth", _AUTH),
    ("SignatureDoesNotMatch InvalidSignatureException Unauthorized", "auth", _AUTH),
    ("ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired", "expired", _EXPIRED),
    ("RequestTimeTooSkewed", "clock", _CLOCK),
    ("AccessDenied AccessDeniedException UnauthorizedOperation AllAccessDisabled 403", "permission", _PERMISSION),
    ("AWS.SimpleQueueService.NonExistentQueue QueueDoesNotExist NoSuchBucket NoSuchKey", "missing", _MISSING),
    ("404 NotFound ResourceNotFoundException ParameterNotFound", "missing", _MISSING),
    ("RequestThrottled ThrottlingException Throttling SlowDown", "throttled", _THROTTLE),
    ("TooManyRequestsException RequestLimitExceeded", "throttled", _THROTTLE),
    ("ServiceUnavailable InternalError InternalFailure InternalServerError", "unreachable", _REACH),
    ("407 500 502 503 504", "unreachable", _REACH),
)
CODES = {code: (cause, remedy) for codes, cause, remedy in _TABLE for code in codes.split()}


def client_factory(
    *,
    region: str,
    endpoint_url: str | None = None,
    access_key: str | None = None,
    secret_key: str | None = None,
    session_token: str | None = None,
    profile: str | None = None,
    connect_timeout: float = 2,
    read_timeout: float = 30,
    attempts: int = 2,
    **config: Any,
) -> ClientFactory:
    """A function from a service's name to its client, each made once.

    The region is always explicit, for botocore ignores AWS_REGION. Timeouts in seconds.
    """
    # botocore alone: boto3 adds a tenth of a second of imports (s3transfer, multiprocessing) and nothing used here.
    session = botocore.session.Session(profile=profile or None)
    session.register_component("data_loader", _MODELS)
    options = Config(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retries={"total_max_attempts": attempts, "mode": "standard"},
        user_agent_extra="academyctl",
        **config,
    )
    made: dict[str, Any] = {}

    def client(service: str) -> Any:
        with _CREATE:
            if service not in made:
                try:
                    made[service] = session.create_client(
                        service,
                        region_name=region,
                        endpoint_url=endpoint_url or None,
                        aws_access_key_id=access_key or None,
                        aws_secret_access_key=secret_key or None,
                        aws_session_token=session_token or None,
                        config=options,
                    )
                # A profile's credential_process is run here, and may not exist.
                except (boto.BotoCoreError, ValueError, OSError) as error:
                    raise translate(error, action=f"opening {service}", subject=endpoint_url or region) from error
            return made[service]

    return client


def known_regions() -> frozenset[str]:
    """Every region of every partition that this botocore knows; AWS may have opened a newer one."""
    partitions = _MODELS.load_data("endpoints")["partitions"]
    return frozenset(name for partition in partitions for name in partition["regions"])


def translate(error: Exception, *, action: str, subject: str) -> AwsError:
    """A botocore exception as ours. `action` and `subject` say what was tried on what."""
    if isinstance(error, boto.ClientError):
        return _from_answer(error, action, subject)
    cause, remedy = "unknown", _REACH
    if isinstance(error, boto.NoCredentialsError | boto.PartialCredentialsError | boto.CredentialRetrievalError):
        cause, remedy = "auth", _AUTH
    elif isinstance(
        error, boto.ProfileNotFound | boto.ConfigParseError | boto.InvalidConfigError | boto.InvalidRegionError
    ):
        cause, remedy = "settings", _AUTH
    elif isinstance(error, boto.SSOError | boto.UnauthorizedSSOTokenError):
        cause, remedy = "expired", _EXPIRED
    elif isinstance(error, boto.HTTPClientError | boto.ConnectionError | boto.EndpointConnectionError | ValueError):
        cause = "unreachable"
    elif isinstance(error, OSError):
        # A program or a file that a profile names; what the network does is botocore's, and stands above.
        cause, remedy = "settings", _AUTH
    return AwsError(
        f"{action} failed for {subject}", why=_short(error), cause=cause, remedy=remedy, code=type(error).__name__
    )


def _from_answer(error: boto.ClientError, action: str, subject: str) -> AwsError:
    answer = error.response.get("Error", {})
    code, message = str(answer.get("Code", "")), str(answer.get("Message", ""))
    cause, remedy = CODES.get(code, ("unknown", _REACH))
    # One code, two causes: only the text tells a wrong secret from a wrong clock.
    if cause == "auth" and "Signature expired" in message:
        cause, remedy = "clock", _CLOCK
    if cause == "auth" and "expired" in message and "Signature" not in message:
        cause, remedy = "expired", _EXPIRED
    why = f"{code}: {message}" if message else code
    return AwsError(
        f"{action} failed for {subject}", why=why[:500], cause=cause, remedy=remedy, code=code or "ClientError"
    )


def _short(error: Exception) -> str:
    # 'Could not connect' alone does not say whether the host has no address or refuses.
    inner = getattr(error, "kwargs", {}).get("error")
    told = f" ({inner})" if inner is not None and str(inner) not in str(error) else ""
    return f"{type(error).__name__}: {error}{told}"[:500]


BOTO_ERRORS = (boto.BotoCoreError, boto.ClientError, ResponseParserError)
