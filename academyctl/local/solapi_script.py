"""Failing by script: what the fake Solapi does wrong, to which requests, how often."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

SEND = "/messages/v4/send-many/detail"
LIST = "/messages/v4/list-old"
DOES = {
    "status": "answers with an HTTP `status`, accepts nothing; `code`: its errorCode; `html`: a proxy's page instead",
    "refuse": "refuses the request with Solapi's `code`: TooManyRequests, NotEnoughBalance, Forbidden, ...",
    "timeout-before": "accepts nothing, never answers nor closes",
    "timeout-after-accepting": "accepts, never answers nor closes",
    "cut-before": "accepts nothing, closes the connection",
    "cut-after-accepting": "accepts, closes the connection without an answer",
    "status-after-accepting": "accepts, answers with an HTTP `status` all the same, as a gateway may",
    "partial": "refuses every `every`-th message of a request with `code`",
    "slow": "waits `seconds` before it accepts",
    "lag": "its list shows messages `seconds` late (until cleared; `times` and `path` mean nothing)",
}
STATUS_OF = {
    "TooManyRequests": 429, "NotEnoughBalance": 402, "Forbidden": 403, "ValidationError": 400, "Unauthorized": 401,
    "InvalidAPIKey": 403, "SignatureDoesNotMatch": 403, "RequestTimeTooSkewed": 403, "InternalError": 500,
}  # fmt: skip
_SHORT = re.compile(r"^([A-Za-z0-9-]+?)(?:=([0-9A-Za-z.]+?))?(?:x(\d+))?(@list)?$")


@dataclass(frozen=True)
class Step:
    """One rule for requests to `path` (the sending when not said). `times`: how often it applies; 0 = until cleared.

    `contains`: only requests whose body has this string. `retry_after`: that header, in seconds.
    """

    do: str
    path: str = SEND
    times: int = 1
    status: int = 503
    code: str = ""
    html: bool = False
    every: int = 2
    seconds: float = 1.0
    retry_after: int = 0
    contains: str = ""

    @property
    def told(self) -> str:
        """In a few words, for people."""
        word = {
            "status": str(self.status), "status-after-accepting": f"{self.do}={self.status}",
            "partial": f"partial={self.code} of every {self.every}", "refuse": f"refuse={self.code}",
            "slow": f"slow={self.seconds:g}", "lag": f"lag={self.seconds:g}",
        }.get(self.do, self.do)  # fmt: skip
        often = "" if self.do == "lag" else " until cleared" if self.times == 0 else f" x{self.times}"
        return word + often + ("" if self.path == SEND else f" on {self.path}")


@dataclass
class Script:
    """The steps still to come; the first that fits a request is taken. Not safe by itself: the account's lock is."""

    steps: list[Step] = field(default_factory=list)
    lag_s: float = 0.0

    def add(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if step.do == "lag":
                self.lag_s = step.seconds
            else:
                self.steps.append(step)

    def clear(self) -> None:
        self.steps.clear()
        self.lag_s = 0.0

    def take(self, path: str, body: bytes) -> Step | None:
        """The step for this request; it counts as used."""
        for at, step in enumerate(self.steps):
            if step.path == path and (not step.contains or step.contains.encode() in body):
                if step.times == 1:
                    del self.steps[at]
                elif step.times > 1:
                    self.steps[at] = replace(step, times=step.times - 1)
                return step
        return None

    def as_json(self) -> list[dict[str, Any]]:
        lag = [Step("lag", seconds=self.lag_s)] if self.lag_s else []
        return [asdict(step) | {"told": step.told} for step in [*self.steps, *lag]]


def parse_step(raw: Mapping[str, Any]) -> Step:
    """A step from JSON. Raises ValueError saying what is wrong."""
    known = {one.name: one for one in fields(Step)}
    for name, value in raw.items():
        if name not in known:
            raise ValueError(f"a step has no '{name}'; it has {', '.join(known)}")
        wanted = {"str": str, "int": int, "bool": bool, "float": (int, float)}[str(known[name].type)]
        if not isinstance(value, wanted):  # type: ignore[arg-type]
            raise ValueError(f"'{name}' of a step must be {known[name].type}")  # noqa: TRY004 - as all that is wrong in it
    step = Step(**{"do": "", **raw})
    if step.do not in DOES:
        raise ValueError(f"unknown do '{step.do}'; it is one of: {', '.join(DOES)}")
    if step.times < 0 or step.every < 1 or not 0 <= step.seconds <= 3600 or not 300 <= step.status <= 599:
        raise ValueError("times is 0 or more, every 1 or more, seconds 0 to 3600, status 300 to 599")
    if step.do in ("partial", "refuse") and not step.code:
        return replace(step, code="1062" if step.do == "partial" else "TooManyRequests")
    return step


def parse_short(said: str) -> Step:
    """A step as an operator types it: 503x3, timeout-after, cut-after, refuse=TooManyRequests, partial=1062, slow=2.

    `x3` = three times, `x0` = until cleared; `@list`: not the sending, but the list. Raises ValueError.
    """
    match = _SHORT.match(said)
    if not match:
        raise ValueError(f"'{said}' is no failure")
    word, value = match[1], match[2] or ""
    raw: dict[str, Any] = {"times": int(match[3] or 1), "path": LIST if match[4] else SEND}
    if re.fullmatch(r"[345]\d\d", word):
        return parse_step({**raw, "do": "status", "status": int(word)})
    raw["do"] = {"timeout-after": "timeout-after-accepting", "cut-after": "cut-after-accepting"}.get(word, word)
    if value and raw["do"] in ("status", "status-after-accepting"):
        raw["status"] = int(value)
    elif value and raw["do"] in ("slow", "lag"):
        raw["seconds"] = float(value)
    elif value:
        raw["code"] = value
    return parse_step(raw)
