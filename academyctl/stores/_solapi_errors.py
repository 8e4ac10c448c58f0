"""How a request to Solapi can fail: nothing was sent for certain, or it may have been."""

from __future__ import annotations

from academyctl.errors import Both, StoreError

_ASK_THE_LIST = Both(
    "Solapi's message list tells whether the texts went out; nothing is sent again before that",
    "문자가 나갔는지는 Solapi 발송 목록으로 확인합니다. 확인 전에는 다시 보내지 않습니다",
)


class SolapiRefused(StoreError):
    """The whole request was refused, so not one of its texts went out.

    `cause`: auth, clock, permission, throttled, money, refused, or unreachable (somebody before Solapi refused it).
    `status`: HTTP. `solapi_code`: Solapi's errorCode or ''. `message` is masked. `retry_after_s`: None = not said.
    """

    def __init__(
        self,
        what: str,
        *,
        status: int,
        code: str = "",
        message: str = "",
        retry_after_s: float | None = None,
        cause: str = "refused",
        remedy: str | Both = "",
    ) -> None:
        why = f"HTTP {status}" + (f" {code}" if code else "") + (f": {message}" if message else "")
        super().__init__(what, cause=cause, why=why, remedy=remedy, code=code or "solapi-refused")
        self.status = status
        self.solapi_code = code
        self.message = message
        self.retry_after_s = retry_after_s

    @property
    def about_content(self) -> bool:
        """Whether what was in it is the reason, so that a smaller part of the group may pass."""
        return self.cause == "refused" and self.status in (400, 413, 422)


class SolapiUnsure(StoreError):
    """The request was begun and has no answer that can be trusted: each of its texts may have gone out or not.

    `status`: HTTP, None when there was no answer. `retry_after_s`: None = not said.
    """

    def __init__(
        self, what: str, *, why: str, status: int | None = None, code: str = "", retry_after_s: float | None = None
    ) -> None:
        super().__init__(what, cause="unreachable", why=why, remedy=_ASK_THE_LIST, code=code or "solapi-unsure")
        self.status = status
        self.retry_after_s = retry_after_s
