"""The runtime's calls to SQS: counted, and made able to work again after the trouble that each kind of error names."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from academyctl.errors import AwsError
from academyctl.settings import Settings
from academyctl.stores import Stores
from academyctl.stores.sqs import Mail, Message, Receipt, Sqs
from workers._metrics import Metrics

log = logging.getLogger("academyctl.worker")

T = TypeVar("T")

DEFAULT_MAX_RECEIVE = 3
"""Where a queue has no redrive policy, or it may not be read: the platform's own limit (contract 1.1)."""
POLICY_TTL_S = 600.0
POLICY_RETRY_S = 60.0
PACE_WEIGHT = 0.1


@dataclass(frozen=True)
class Policy:
    """When a message is given up, and where it goes then."""

    max_receive: int
    dlq: str


class Queues:
    """SQS by queue name. Every call raises AwsError; after one, the next call starts from fresh facts where that helps.

    Receives use the client whose timeout outlasts a long poll, everything else the quick one: a connection that
    swallows its answer must not hold up renewals for half a minute.
    """

    def __init__(self, stores: Stores, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._stores = stores
        self._metrics = metrics
        self._clock = clock
        self._policies: dict[str, tuple[float, Policy]] = {}
        self._policy_lock = threading.Lock()
        self.pace_s = 0.0
        """How long a call that does not wait for messages has taken lately; 0 = there was none yet."""

    def receive(self, name: str, *, max_messages: int, wait_s: int, visibility_s: int) -> list[Message]:
        return self._call(
            "receive",
            name,
            lambda: self._stores.sqs.receive(name, max_messages=max_messages, wait_s=wait_s, visibility_s=visibility_s),
        )

    def delete(self, name: str, receipts: Sequence[Receipt]) -> list[str]:
        return self._call("delete", name, lambda: self._quick.delete(name, receipts))

    def extend(self, name: str, receipts: Sequence[Receipt], seconds: int) -> list[str]:
        return self._call("extend", name, lambda: self._quick.extend(name, receipts, seconds))

    def send(self, name: str, body: str, *, delay_s: int = 0, attributes: Mapping[str, str] | None = None) -> None:
        self._call("send", name, lambda: self._quick.send(name, body, delay_s=delay_s, attributes=attributes))

    def send_batch(self, name: str, mails: Sequence[Mail]) -> dict[int, str]:
        return self._call("send", name, lambda: self._quick.send_batch(name, mails))

    def hide(self, name: str, times: Sequence[tuple[Receipt, int]]) -> list[str]:
        return self._call("extend", name, lambda: self._quick.hide(name, times))

    def policy(self, name: str) -> Policy:
        """The queue's limit and dead-letter queue, asked for every ten minutes. Never raises: see the defaults."""
        with self._policy_lock:
            until, policy = self._policies.get(name, (0.0, None))
            if policy is None or self._clock() >= until:
                policy, keep_s = self._ask_policy(name, policy)
                self._policies[name] = (self._clock() + keep_s, policy)
            return policy

    def _ask_policy(self, name: str, known: Policy | None) -> tuple[Policy, float]:
        said = dlq_setting(self._stores.settings, name)
        try:
            raw = self._call("attributes", name, lambda: self._quick.attributes(name))
        except AwsError as error:
            log.warning("cannot read the redrive policy of %s (%s); %s", name, error, "keeping the known one" if known
                        else f"taking {DEFAULT_MAX_RECEIVE} attempts for the limit")  # fmt: skip
            return known or Policy(DEFAULT_MAX_RECEIVE, said or f"{name}-dlq"), POLICY_RETRY_S
        return Policy(raw.max_receive or DEFAULT_MAX_RECEIVE, said or raw.dlq_name or f"{name}-dlq"), POLICY_TTL_S

    @property
    def _quick(self) -> Sqs:
        return self._stores.sqs_quick

    def _call(self, action: str, name: str, call: Callable[[], T]) -> T:
        self._metrics.queue_call(action)
        began = time.monotonic()
        try:
            return call()
        except AwsError as error:
            self._recover(name, error)
            raise
        # An answer that only looks like one of SQS's (a proxy, a captive portal) can break the reading of it anywhere,
        # and a thread that dies of that leaves a deaf worker.
        except Exception as error:
            log.debug("sqs %s: an answer could not be read", action, exc_info=True)
            why = f"the answer could not be read: {type(error).__name__}: {error}"
            raise AwsError(f"sqs {action} failed for queue {name}", why=why, cause="unreachable") from error
        finally:
            if action != "receive":
                took_s = time.monotonic() - began
                self.pace_s += (took_s - self.pace_s) * (PACE_WEIGHT if self.pace_s else 1.0)

    def _recover(self, name: str, error: AwsError) -> None:
        self._metrics.error(error.code)
        if error.cause == "missing":
            # The queue may have been made anew under another URL.
            self._stores.sqs.forget(name)
            self._quick.forget(name)
        elif error.cause in ("auth", "expired"):
            # A role or a signed-in profile has new keys by now, perhaps; a session never looks twice.
            self._stores.reopen("sqs")
            self._stores.reopen("sqs_quick")


def dlq_setting(settings: Settings, queue: str) -> str:
    """The dead-letter queue that the settings name for this queue, '' when they name none."""
    names = settings.queues
    for field in type(names).model_fields:
        if getattr(names, field) == queue and not field.endswith("_dlq"):
            return str(getattr(names, f"{field}_dlq", ""))
    return ""
