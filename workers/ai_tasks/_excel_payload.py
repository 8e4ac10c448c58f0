"""What an excel_parsing job asks for (contract 5.3), checked before anything is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from academyctl.contract import keys
from academyctl.passwords import FIRST_PASSWORD_MIN
from academyctl.roster.model import FIELDS
from academyctl.settings import Settings
from workers.ai_tasks._model import JobFailed

_MAX_ID = 2**63 - 1
_MAX_TEXT = 255


@dataclass(frozen=True)
class Upload:
    """A payload that can be worked on. Ids of 0 mean 'none'."""

    bucket: str
    file_key: str
    tenant_id: int
    password: str = field(repr=False)
    lecture_id: int = 0
    session_id: int = 0
    mapping: Mapping[str, str] = field(default_factory=dict)
    """field -> column letter or header text, chosen by a person."""
    sheet: str = ""
    partial: bool = False


def parse(payload: Mapping[str, Any], *, tenant_id: str, settings: Settings) -> Upload:
    """The payload of a job whose row names `tenant_id` ('' = none). Raises JobFailed with the contract's words."""
    file_key = payload.get("file_key")
    if not isinstance(file_key, str) or not file_key.strip():
        raise JobFailed("payload.file_key required", code="bad-payload")
    tenant = _id(payload, "tenant_id")
    if not tenant:
        raise JobFailed("payload.tenant_id required", code="bad-payload")
    if tenant_id and tenant_id != str(tenant):
        # contract 11 #47: whose rows are written is never decided by one field that another contradicts.
        raise JobFailed("작업과 요청의 학원이 서로 다릅니다 (payload.tenant_id).", code="other-tenant")
    if not file_key.startswith(keys.excel_folder(tenant)):
        raise JobFailed(
            f"이 학원의 업로드 파일이 아닙니다 ({keys.excel_folder(tenant)} 밖의 경로).", code="other-tenant"
        )
    password = payload.get("initial_password")
    if not isinstance(password, str) or len(password) < FIRST_PASSWORD_MIN:
        raise JobFailed("payload.initial_password 4자 이상 필요", code="bad-payload")
    partial = payload.get("partial")
    return Upload(
        bucket=_text(payload, "bucket") or settings.r2.excel_bucket,
        file_key=file_key,
        tenant_id=tenant,
        password=password,
        lecture_id=_id(payload, "lecture_id"),
        session_id=_id(payload, "session_id"),
        mapping=_mapping(payload),
        sheet=_text(payload, "sheet"),
        partial=partial if isinstance(partial, bool) else settings.excel.partial,
    )


def _id(payload: Mapping[str, Any], name: str) -> int:
    value = payload.get(name)
    if value is None or value == "":
        return 0
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= _MAX_ID:
        raise JobFailed(f"payload.{name}: 1 이상의 정수여야 합니다.", code="bad-payload")
    return value


def _text(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > _MAX_TEXT or "\x00" in value:
        raise JobFailed(f"payload.{name}: {_MAX_TEXT}자 이하의 글자여야 합니다.", code="bad-payload")
    return value.strip()


def _mapping(payload: Mapping[str, Any]) -> Mapping[str, str]:
    value = payload.get("mapping")
    if value is None:
        return {}
    told = value if isinstance(value, dict) else {"": ""}
    if any(name not in FIELDS or not isinstance(column, str) or not column.strip() for name, column in told.items()):
        raise JobFailed(
            f"payload.mapping: {{항목: 열}} 형식이어야 합니다. 항목: {', '.join(FIELDS)}", code="bad-payload"
        )
    return {name: column.strip() for name, column in told.items()}
