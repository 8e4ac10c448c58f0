"""Nothing secret and no full phone number leaves the tool: planted everywhere, looked for in every format."""

from __future__ import annotations

import base64
import json
import urllib.parse
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from academyctl.contract import keys
from academyctl.stores import Stores
from tests.cli.tool import academyctl
from tests.conftest import make_session, make_video
from tests.platform_rows import make_ai_job, make_attempts

PHONE = "01098765432"
WRITTEN = ("010-9876-5432", "+821098765432", PHONE)
PASSWORD = "canary-initial-password"
SIGNED = "https://r2.example/a.mp4?X-Amz-Credential=AKIACANARYCANARY0000%2F2026&X-Amz-Signature=cafe0123456789canary"
PLANTED = {
    "INTERNAL_WORKER_TOKEN": "canary-internal-token-4711",
    "OPENAI_API_KEY": "sk-canary-0815-openai",
    "SECRET_KEY": "canary-django-secret",
}
_SECRET = ("_PASSWORD", "_SECRET_ACCESS_KEY", "_SECRET_KEY", "_API_SECRET", "_TOKEN", "OPENAI_API_KEY")
FORMATS = ("table", "short", "json", "ndjson", "junit", "md", "html")


@pytest.fixture
def planted(platform_env: dict[str, str], stores: Stores) -> dict[str, str]:
    """A platform with trouble everywhere, each trouble's words holding what nobody may see."""
    env = {**platform_env, **PLANTED}
    dirty = f"failed for {', '.join(WRITTEN)} url {SIGNED} password={env['DB_PASSWORD']}"
    queue = stores.settings.queues.video
    failed = make_video(stores, status="FAILED", error_reason=dirty)
    make_video(stores, status="UPLOADED", updated_at=datetime.now(UTC) - timedelta(hours=2))
    owner = {"token": "gone:1:1", "host": "i-0ab", "pid": 1, "since": "2026-02-17T03:00:00+00:00", "to": PHONE}
    stores.redis.acquire(keys.encode_lock(failed.id), json.dumps(owner), 14_400_000)
    make_session(stores)
    make_ai_job(stores, status="FAILED", error_message=dirty, last_error=dirty)
    make_attempts(stores, 6, reason=dirty[:500])
    letter = {"video_id": failed.id, "tenant_id": failed.tenant_id, "to": PHONE, "initial_password": PASSWORD}
    stores.sqs.send(f"{queue}-dlq", json.dumps(letter), attributes={"academyctl_reason": dirty})
    return env


def hidden_of(env: dict[str, str]) -> list[str]:
    """What must not be seen, also as it reads in a URL or in base64."""
    secrets = [value for name, value in env.items() if name.endswith(_SECRET) and value]
    # A part of the signed URL, for a report may break a line.
    secrets += [*WRITTEN, PASSWORD, "cafe0123456789canary", *PLANTED.values()]
    encoded = [base64.b64encode(one.encode()).decode().rstrip("=") for one in secrets]
    return sorted({*secrets, *encoded, *(urllib.parse.quote(one, safe="") for one in secrets)})


def test_no_secret_and_no_phone_number_is_in_any_output(planted: dict[str, str], tmp_path: Path) -> None:
    saved, dotenv = tmp_path / "snap.json", tmp_path / "api.env"
    dotenv.write_text("".join(f"{name}={value}x\n" for name, value in planted.items()), encoding="utf-8")
    commands = [
        ("diagnose", "all", "--save", str(saved), "-o", "json"),
        *(("diagnose", "--from", str(saved), "-o", fmt) for fmt in FORMATS),
        ("diagnose", "settings", "--against", str(dotenv), "-o", "json"),
        ("video", "stuck", "-o", "json"),
        ("video", "stuck"),
        ("video", "status", "1", "-o", "json"),
        ("queue", "peek", "video", "--dlq", "-o", "json"),
        ("queue", "peek", "video", "--dlq"),
        ("queue", "redrive", "video"),
        ("fix", "video", "1", "2"),
        ("config", "show", "-o", "json"),
        ("playbook", "run", "some-videos-stuck", "--var", "ids=1 2"),
    ]
    hidden = hidden_of(planted)
    said = ""
    for words in commands:
        ended = academyctl(*words, folder=tmp_path, env=planted)
        assert ended.code in (0, 1, 3), (words, ended.err)
        assert [one for one in hidden if one in ended.out + ended.err] == [], words
        said += ended.out
    for kept in (saved, *tmp_path.rglob("*.jsonl"), *tmp_path.rglob("*transcript*")):
        if kept.is_file():
            assert [one for one in hidden if one in kept.read_text(encoding="utf-8")] == [], kept
    # What was planted was met, or the test would prove nothing.
    for met in ("failed for", "i-0ab", "dead-letter"):
        assert met in said, met
