"""The ways to Solapi: TLS with a certificate that is checked, and the proxies that the environment names."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from academyctl.errors import SolapiAway
from academyctl.local.solapi import Account, read_inbox, serve
from academyctl.stores.solapi_sending import Sender, SolapiUnsure
from tests.solapi.conftest import item, serving
from tests.solapi.wire import answer, drip, says, silence, talking


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and self-signed certificate of 127.0.0.1 in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    encoding = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(key.private_bytes(encoding, *plain) + made.public_bytes(encoding))
    return path


@pytest.fixture
def tls_url(account: Account, certificate: Path) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = serve(0, account)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server) as url:
        yield url.replace("http:", "https:")


def test_a_text_goes_over_tls_and_what_breaks_off_there_is_unsure(
    tls_url: str, sender_to: Callable[..., Sender], account: Account, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    sender = sender_to(tls_url, request_s=0.5)
    assert sender.send([item("a")]).accepted
    for do in ("cut-after-accepting", "timeout-after-accepting"):
        account.script({"do": do})
        with pytest.raises(SolapiUnsure):
            sender.send([item(do)])
    assert len(read_inbox(account.inbox)) == 3


def test_a_certificate_that_nobody_vouches_for_is_nothing_sent(
    tls_url: str, sender_to: Callable[..., Sender], account: Account
) -> None:
    with pytest.raises(SolapiAway) as away:
        sender_to(tls_url).send([item("a")])
    assert "CERTIFICATE_VERIFY_FAILED" in away.value.why
    assert read_inbox(account.inbox) == []


def test_a_proxy_of_the_environment_is_used_and_the_fake_of_this_machine_may_be_left_out(
    url: str, sender_to: Callable[..., Sender], account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", url)
    monkeypatch.setenv("no_proxy", "")
    assert sender_to("http://solapi.invalid").send([item("a")]).accepted
    assert len(read_inbox(account.inbox)) == 1
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")
    with pytest.raises(SolapiAway):
        sender_to(url).send([item("b")])
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert sender_to(url).send([item("b")]).accepted


@pytest.mark.parametrize(
    "talk",
    [says(answer("403 Forbidden", b"<html>no</html>")), says(answer("407 Who", b"")), silence,
     drip(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1000), says(answer("200 OK", b""))],
)  # fmt: skip
def test_what_fails_before_the_tunnel_stands_is_nothing_sent(
    sender_to: Callable[..., Sender], monkeypatch: pytest.MonkeyPatch, talk: Callable[..., None]
) -> None:
    with talking(talk) as proxy:
        monkeypatch.setenv("https_proxy", proxy.removeprefix("http://"))
        monkeypatch.setenv("no_proxy", "")
        with pytest.raises(SolapiAway) as away:
            sender_to("https://api.solapi.com", request_s=0.3).send([item("a")])
    assert away.value.cause == "unreachable"
