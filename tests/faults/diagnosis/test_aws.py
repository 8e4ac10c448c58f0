"""Who we are to AWS: each way in which a key, a profile or the way there can be wrong is told apart, once."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from academyctl.local.stack import LocalStack
from academyctl.local.state import free_ports
from academyctl.stores.aws import client_factory
from checks._model import Diagnosis, State, Verdict
from checks._verdict import exit_code, roots
from tests.checks.facts import red
from tests.checks.platform import diagnosed

Env = dict[str, str]
V = Verdict
OURS = ["settings", "aws", "sqs"]
PAGE = "<!DOCTYPE html><html><body><form>Please sign in to the guest network<br></form></body></html>"
XHTML = '<html xmlns="http://www.w3.org/1999/xhtml"><body><p>Proxy Authentication Required</p></body></html>'


def _refusal(code: str, message: str) -> str:
    return (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    )


@dataclass
class Site:
    """A server that gives every request the same answer, and counts them."""

    url: str
    asked: list[str] = field(default_factory=list)


@contextmanager
def site(status: int, body: str, tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found.asked.append(self.path)
            raw = body.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    found = Site(f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "code", "verdict"),
    [
        (200, PAGE, "aws.stranger", V.infrastructure),
        (200, XHTML, "aws.stranger", V.infrastructure),
        (407, PAGE, "aws.proxy", V.infrastructure),
        (407, XHTML, "aws.proxy", V.infrastructure),
        (502, "<html><body>Bad Gateway</body></html>", "aws.gateway", V.infrastructure),
        (403, PAGE, "aws.gateway", V.infrastructure),
        (403, _refusal("ExpiredToken", "The security token included in the request is expired"),
         "aws.credentials-expired", V.settings),
        (403, _refusal("SignatureDoesNotMatch", "Signature expired: 20260217T0300Z is now earlier than 20260217T0320Z"),
         "aws.clock-wrong", V.infrastructure),
    ],
    ids=["sign-in page", "well-formed page", "407", "407 well-formed", "502", "403 page", "expired", "clock"],
)  # fmt: skip
def test_what_answers_for_aws_is_told_apart(
    steady_env: Env, status: int, body: str, code: str, verdict: Verdict
) -> None:
    with site(status, body) as there:
        found = diagnosed({**steady_env, "AWS_ENDPOINT_URL": there.url}, ["settings", "aws"])
    _one_red(found, code, verdict)
    assert len(there.asked) <= 2, "one call, and one repetition of it"


def test_a_page_for_signing_in_is_one_cause_for_all_that_asks_aws(steady_env: Env) -> None:
    with site(200, PAGE) as there:
        found = diagnosed({**steady_env, "AWS_ENDPOINT_URL": there.url}, OURS)
    _one_red(found, "aws.stranger", V.infrastructure)
    assert "sqs.stranger" in {one.code for one in found.findings if one.because_of == "aws.stranger"}


def test_a_certificate_that_nobody_trusts_is_told(steady_env: Env, tmp_path: Path) -> None:
    with site(200, "", _self_signed(tmp_path)) as there:
        found = diagnosed({**steady_env, "AWS_ENDPOINT_URL": there.url}, OURS)
    _one_red(found, "aws.tls", V.infrastructure)
    assert there.asked == []


def test_a_proxy_that_refuses_is_told(steady_env: Env, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_ports(1)[0]}")
    monkeypatch.setenv("NO_PROXY", "localhost")
    found = diagnosed({**steady_env, "AWS_ENDPOINT_URL": "http://aws.invalid"}, OURS)
    _one_red(found, "aws.proxy", V.infrastructure)


SSO = "[profile staff]\nsso_start_url = https://x.awsapps.com/start\nsso_region = ap-northeast-2\n"
SSO += "sso_account_id = 123456789012\nsso_role_name = ops\nregion = ap-northeast-2\n"


@pytest.mark.parametrize(
    ("text", "profile", "code"),
    [
        (SSO.encode(), "staff", "aws.not-signed-in"),
        (SSO.encode(), "stuff", "aws.profile-unknown"),
        (SSO.encode("utf-8-sig"), "staff", "aws.config-unreadable"),
        (SSO.encode("utf-16"), "staff", "aws.config-unreadable"),
        (b"[profile staff]\ncredential_process = /nowhere/no-such-program\n", "staff", "aws.setup"),
        (b"[profile staff]\naws_access_key_id = AKIAABCDEFGHIJKLMNOP\n", "staff", "aws.half-key"),
    ],
    ids=["not signed in", "unknown profile", "BOM", "UTF-16", "no program", "half a key"],
)
def test_what_is_wrong_with_a_profile_is_told_apart(
    steady_env: Env, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes, profile: str, code: str
) -> None:
    (tmp_path / "config").write_bytes(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    keyless = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": profile}
    with site(200, PAGE) as there:
        found = diagnosed({**steady_env, **keyless, "AWS_ENDPOINT_URL": there.url}, OURS)
    _one_red(found, code, V.settings)
    assert there.asked == [], "nothing is asked where nothing can be signed"


def test_a_key_of_a_profile_is_named_by_its_file_and_never_shown_whole(
    steady_env: Env, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, hidden = steady_env["AWS_ACCESS_KEY_ID"], steady_env["AWS_SECRET_ACCESS_KEY"]
    given = f"[staff]\naws_access_key_id = {key}\naws_secret_access_key = {hidden}\n"
    (tmp_path / "credentials").write_text(given, encoding="utf-8")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    keyless = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "staff"}
    found = diagnosed({**steady_env, **keyless}, ["aws"])
    told = next(one for one in found.findings if one.code == "aws.identity")
    assert found.verdict is V.healthy
    assert told.value("source") == "~/.aws/credentials [staff]"
    assert told.value("key") == f"{key[:4]}...{key[-4:]}"
    assert key not in str(found)
    assert hidden not in str(found)


def test_the_variable_that_gave_the_region_is_named(steady_env: Env) -> None:
    env = {**steady_env, "AWS_DEFAULT_REGION": "ap-northeast-2"}
    env.pop("AWS_REGION")
    told = next(one for one in diagnosed(env, ["aws"]).findings if one.code == "aws.region")
    assert told.value("source") == "environment AWS_DEFAULT_REGION"


def test_a_bad_key_is_sqs_own_fault_where_only_sqs_is_asked_about(steady_env: Env) -> None:
    env = {**steady_env, "AWS_ACCESS_KEY_ID": "AKIA" + "X" * 16}
    _one_red(diagnosed(env, ["sqs"]), "sqs.key-unknown", V.settings)
    found = diagnosed(env, ["aws", "sqs", "scaling", "lambda", "batch", "workers"])
    _one_red(found, "aws.key-unknown", V.settings)
    follow = {one.code for one in found.findings if one.because_of == "aws.key-unknown" and one.state is State.fail}
    assert follow >= {"sqs.key-unknown", "scaling.key-unknown"}


def test_the_policy_statement_of_a_denial_mends_it(steady_env: Env, stack: LocalStack) -> None:
    secrets = stack.state().secrets
    iam = client_factory(
        region="ap-northeast-2", endpoint_url=stack.env()["AWS_ENDPOINT_URL"],
        access_key=secrets["root_key"], secret_key=secrets["root_secret"],
    )("iam")  # fmt: skip
    name = f"denied-{steady_env['DB_NAME']}"
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    env = {**steady_env, "AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    found = diagnosed(env, ["sqs"])
    _one_red(found, "sqs.denied", V.settings)
    assert found.root is not None
    statement = json.loads(found.root.value("statement"))
    assert statement["Effect"] == "Allow"
    assert statement["Action"] == ["sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
    assert f"arn:aws:sqs:ap-northeast-2:*:{steady_env['VIDEO_SQS_QUEUE_NAME']}" in statement["Resource"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="told", PolicyDocument=policy)
    assert diagnosed(env, ["sqs"]).verdict is V.healthy


def _one_red(found: Diagnosis, code: str, verdict: Verdict) -> None:
    assert [one.code for one in roots(found.findings)] == [code], [one.key for one in roots(found.findings)]
    assert [one.code for one in red(found)] == [code]
    assert (found.verdict, exit_code(found.state)) == (verdict, 1)
    assert found.root is not None
    assert found.root.evidence


def _self_signed(folder: Path) -> ssl.SSLContext:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(1))
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    hidden = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "site.pem").write_bytes(pem + hidden)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "site.pem")
    return context
