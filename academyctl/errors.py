"""Every error the operator can meet: what happened, why, and what to do next.

AcademyError                 exit 1
├── WorkFailed               exit 1   the work was tried and did not succeed
├── ConfigError              exit 2   a setting is missing, unknown or contradictory
├── UsageError               exit 2   the command's words are off
├── CannotTell               exit 3   something outside could not be reached or read
│   └── StoreError           exit 3   one of the stores; `cause` names the kind
│       ├── AwsError                  with the service's own error code
│       ├── RedisAway
│       ├── DatabaseAway
│       └── SolapiAway
├── BadMessage               exit 1   a queue message that can never succeed
├── NotReadOnly              exit 1   a diagnosis tried to change something: a bug of ours
└── (control flow of a running job)
    ├── Busy                          held by someone else, or a dependency is away
    ├── LeaseLost                     another worker owns the job now
    ├── Cancelled                     the operator or the API asked for a stop
    └── Stopping                      this process is shutting down
"""

from __future__ import annotations

from typing import NamedTuple

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_CANNOT_TELL = 3
EXIT_WARNINGS = 4
EXIT_BUG = 70
EXIT_INTERRUPTED = 130


class Both(NamedTuple):
    """One text in the operators' two languages."""

    en: str
    ko: str

    def pick(self, lang: str) -> str:
        """The text for a language tag; anything but Korean reads English."""
        return self.ko if lang.lower().startswith("ko") else self.en


class AcademyError(Exception):
    """What happened (to what), why, and the remedy; `code` is stable and machine-readable.

    `what` and `why` are English, for logs and programs; given as Both, the operator reads them in his language.
    """

    exit_code = EXIT_FAILED
    code = "error"

    def __init__(self, what: str | Both, *, why: str | Both = "", remedy: str | Both = "", code: str = "") -> None:
        self._said = (what, why)
        self.what = _in(what, "en")
        self.why = _in(why, "en")
        super().__init__(self.what)
        self.remedy = remedy
        if code:
            self.code = code

    def __str__(self) -> str:
        return f"{self.what}: {self.why}" if self.why else self.what

    def remedy_in(self, lang: str) -> str:
        """The remedy in one language; '' when there is none."""
        return _in(self.remedy, lang)

    def told_in(self, lang: str) -> tuple[str, str]:
        """(what, why) in one language."""
        what, why = self._said
        return _in(what, lang), _in(why, lang)


def _in(text: str | Both, lang: str) -> str:
    return text.pick(lang) if isinstance(text, Both) else text


class WorkFailed(AcademyError):
    code = "work-failed"


class ConfigError(AcademyError):
    exit_code = EXIT_USAGE
    code = "config"


class UsageError(AcademyError):
    exit_code = EXIT_USAGE
    code = "usage"


class CannotTell(AcademyError):
    exit_code = EXIT_CANNOT_TELL
    code = "cannot-tell"


class StoreError(CannotTell):
    """A store failed. `cause` is one of: auth, permission, missing, unreachable, throttled, refused, unknown."""

    code = "store"

    def __init__(
        self,
        what: str | Both,
        *,
        cause: str = "unknown",
        why: str | Both = "",
        remedy: str | Both = "",
        code: str = "",
    ) -> None:
        super().__init__(what, why=why, remedy=remedy, code=code)
        self.cause = cause


class AwsError(StoreError):
    code = "aws"


class RedisAway(StoreError):
    code = "redis-away"


class DatabaseAway(StoreError):
    code = "database-away"


class SolapiAway(StoreError):
    code = "solapi-away"


class BadMessage(AcademyError):
    code = "bad-message"


class NotReadOnly(AcademyError):
    """A diagnosis tried to change something. Always a bug of ours; nothing was sent."""

    code = "not-read-only"


class Busy(AcademyError):
    """Come back in `after` seconds; does not count as an attempt."""

    code = "busy"

    def __init__(self, what: str, *, after: float, why: str = "") -> None:
        super().__init__(what, why=why)
        self.after = after


class LeaseLost(AcademyError):
    code = "lease-lost"


class Cancelled(AcademyError):
    code = "cancelled"


class Stopping(AcademyError):
    code = "stopping"
