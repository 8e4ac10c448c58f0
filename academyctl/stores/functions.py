"""Lambda functions: configuration, code, who may call them, what feeds them; made, changed, run."""

from __future__ import annotations

import base64
import json
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from academyctl.errors import AwsError, Both
from academyctl.stores.aws import ClientFactory
from academyctl.stores.fleet import ours

Raw = dict[str, Any]

_POLL_S = 0.05
_SETTLE_S = 90
_CODE_S = 30


@dataclass(frozen=True)
class Invocation:
    """How a run ended. `error` is AWS's word (Unhandled, ...), '' for a run that returned; `log` its last 4 KB."""

    error: str
    payload: str
    log: str


class Functions:
    """Functions by name. Every method raises AwsError and nothing else."""

    def __init__(self, clients: ClientFactory, invoking: Callable[[], ClientFactory] | None = None) -> None:
        """`invoking` makes the clients of `invoke`, which wait as long as a function may run and never try again."""
        self._clients = clients
        self._invoking = invoking

    def raw(self, name: str) -> Raw | None:
        """A function's configuration as AWS tells it, secrets and all; None when there is none."""
        return _unless_missing(lambda: self._asked("GetFunctionConfiguration", name, "CodeSha256", FunctionName=name))

    def names(self) -> tuple[str, ...]:
        """Every function of the account and region."""
        with ours("lambda:ListFunctions", "*"):
            pages = self._client.get_paginator("list_functions").paginate()
            return tuple(str(one["FunctionName"]) for page in pages for one in page["Functions"])

    def code(self, name: str) -> bytes:
        """The zip that runs now."""
        location = self._asked("GetFunction", name, "Code", FunctionName=name)["Code"].get("Location")
        try:
            with urllib.request.urlopen(str(location), timeout=_CODE_S) as answer:  # noqa: S310 - AWS's own https link
                code: bytes = answer.read()
        except (OSError, ValueError) as error:  # an image has no zip, and so no link
            raise AwsError(
                f"the code of {name} could not be downloaded", why=str(error), cause="unreachable", code="download"
            ) from error
        return code

    def reserved(self, name: str) -> int | None:
        """How many runs at a time are reserved for, and allowed to, this function; None: no limit of its own."""
        answer = _unless_missing(lambda: self._asked("GetFunctionConcurrency", name, FunctionName=name))
        found = (answer or {}).get("ReservedConcurrentExecutions")
        return None if found is None else int(found)

    def permissions(self, name: str) -> list[Raw]:
        """The statements of the function's own policy: who may call it."""
        answer = _unless_missing(lambda: self._asked("GetPolicy", name, "Policy", FunctionName=name))
        if answer is None:
            return []
        with ours("lambda:GetPolicy", name):
            return list(json.loads(answer["Policy"])["Statement"])

    def create(self, name: str, code: bytes, configuration: Mapping[str, Any]) -> None:
        """CreateFunction with these parameters, and wait until it can run."""
        self._asked("CreateFunction", name, FunctionName=name, Code={"ZipFile": code}, **configuration)
        self.settled(name)

    def update_code(self, name: str, code: bytes, *, revision: str = "") -> None:
        """Replace the code, and wait; with `revision` (RevisionId) only what is still that."""
        self._asked("UpdateFunctionCode", name, FunctionName=name, ZipFile=code, **_of(revision))
        self.settled(name)

    def configure(self, name: str, configuration: Mapping[str, Any], *, revision: str = "") -> None:
        """Replace these parts of the configuration, and wait; with `revision` only what is still that."""
        self._asked("UpdateFunctionConfiguration", name, FunctionName=name, **configuration, **_of(revision))
        self.settled(name)

    def delete(self, name: str) -> None:
        self._asked("DeleteFunction", name, FunctionName=name)

    def reserve(self, name: str, count: int | None) -> None:
        """Reserve so many runs at a time for it, and allow no more; None lifts the limit."""
        if count is None:
            self._asked("DeleteFunctionConcurrency", name, FunctionName=name)
        else:
            self._asked("PutFunctionConcurrency", name, FunctionName=name, ReservedConcurrentExecutions=count)

    def allow(self, name: str, statement: str, principal: str, source_arn: str) -> None:
        """Let a service (`events.amazonaws.com`) call the function on behalf of this source."""
        self._asked(
            "AddPermission", name, FunctionName=name, StatementId=statement, Action="lambda:InvokeFunction",
            Principal=principal, SourceArn=source_arn,
        )  # fmt: skip

    def forbid(self, name: str, statement: str) -> None:
        self._asked("RemovePermission", name, FunctionName=name, StatementId=statement)

    def settled(self, name: str, *, timeout_s: float = _SETTLE_S, failed: bool = False) -> Raw:
        """Wait until a change has been made (State, LastUpdateStatus); the configuration then.

        Raises for one that failed, unless `failed`: the next change is what mends it.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            now = self.raw(name) or {}
            state, update = str(now.get("State", "Active")), str(now.get("LastUpdateStatus", "Successful"))
            if not failed and "Failed" in (state, update):
                why = str(now.get("StateReason") or now.get("LastUpdateStatusReason") or f"{state} {update}")
                raise AwsError(f"{name} could not be set up", why=why, code="function-failed", remedy=_SHOW)
            if state != "Pending" and update != "InProgress":
                return now
            if time.monotonic() > deadline:
                why = f"State={state} LastUpdateStatus={update} after {timeout_s:.0f} s"
                raise AwsError(f"{name} is still being changed", why=why, code="function-slow", remedy=_SHOW)
            time.sleep(_POLL_S)

    def invoke(self, name: str, payload: str = "{}") -> Invocation:
        """Run it once and wait for its end. Not tried again: a run may have happened although no answer came."""
        with ours("lambda:InvokeFunction", name):
            client = self._invoking()("lambda") if self._invoking else self._client
            answer = client.invoke(FunctionName=name, Payload=payload.encode("utf-8"), LogType="Tail")
            text = answer["Payload"].read().decode("utf-8", errors="replace")
            log = base64.b64decode(answer.get("LogResult") or "").decode("utf-8", errors="replace")
        return Invocation(str(answer.get("FunctionError") or ""), text, log)

    def mappings(self, name: str = "", *, source_arn: str = "") -> list[Raw]:
        """Event source mappings of a function, of a source, or of everything."""
        asked = {key: value for key, value in (("FunctionName", name), ("EventSourceArn", source_arn)) if value}
        with ours("lambda:ListEventSourceMappings", name or source_arn or "*"):
            pages = self._client.get_paginator("list_event_source_mappings").paginate(**asked)
            return [dict(one) for page in pages for one in page["EventSourceMappings"]]

    def map(self, name: str, source_arn: str, options: Mapping[str, Any]) -> str:
        """Feed a queue's messages to the function; the mapping's id."""
        answer = self._asked(
            "CreateEventSourceMapping", name, "UUID", FunctionName=name, EventSourceArn=source_arn, **options
        )  # fmt: skip
        return str(answer["UUID"])

    def remap(self, mapping_id: str, options: Mapping[str, Any]) -> None:
        """Change a mapping (BatchSize, Enabled, ...)."""
        self._asked("UpdateEventSourceMapping", mapping_id, UUID=mapping_id, **options)

    def enable_mapping(self, mapping_id: str, *, enabled: bool, timeout_s: float = _SETTLE_S) -> None:
        """Switch a mapping on or off, and wait until it is."""
        self.remap(mapping_id, {"Enabled": enabled})
        self.mapping_settled(mapping_id, "Enabled" if enabled else "Disabled", timeout_s=timeout_s)

    def mapping_settled(self, mapping_id: str, state: str, *, timeout_s: float = _SETTLE_S) -> None:
        """Wait until a mapping has this State."""
        deadline = time.monotonic() + timeout_s
        while (now := self._mapping_state(mapping_id)) != state:
            if time.monotonic() > deadline:
                raise AwsError(f"mapping {mapping_id} is {now}, not {state}", code="mapping-slow", remedy=_SHOW)
            time.sleep(_POLL_S)

    def _mapping_state(self, mapping_id: str) -> str:
        return str(self._asked("GetEventSourceMapping", mapping_id, "State", UUID=mapping_id)["State"])

    def unmap(self, mapping_id: str) -> None:
        """Delete a mapping; it is gone some seconds later."""
        self._asked("DeleteEventSourceMapping", mapping_id, UUID=mapping_id)

    def account(self) -> tuple[str, str]:
        """(partition, account id) of these credentials."""
        with ours("sts:GetCallerIdentity", "*"):
            answer = self._clients("sts").get_caller_identity()
            return str(answer["Arn"]).split(":")[1], str(answer["Account"])

    def _asked(self, operation: str, subject: str, field: str = "", **parameters: Any) -> Raw:
        """AWS's answer; one without `field` is not AWS's (a sign-in page reads as an empty one)."""
        method = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in operation).lstrip("_")
        with ours(f"lambda:{operation}", subject):
            answer = getattr(self._client, method)(**parameters)
            if field and field not in answer:
                raise KeyError(field)
            return {key: value for key, value in answer.items() if key != "ResponseMetadata"}

    @property
    def _client(self) -> Any:
        return self._clients("lambda")


_SHOW = Both(
    "look at it: academyctl lambda show NAME; then run the command again",
    "상태를 확인하세요: academyctl lambda show NAME. 그런 다음 명령을 다시 실행하세요",
)


def _of(revision: str) -> dict[str, str]:
    return {"RevisionId": revision} if revision else {}


def _unless_missing(read: Callable[[], Raw]) -> Raw | None:
    try:
        return read()
    except AwsError as error:
        if error.cause == "missing":
            return None
        raise
