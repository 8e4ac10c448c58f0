"""The EC2 instance that this process runs on, by IMDSv2: its id, and what AWS is about to do with it."""

from __future__ import annotations

import http.client
import json
import os
import re
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from academyctl.errors import CannotTell

ENDPOINT = "http://169.254.169.254"
TIMEOUT_S = 1.0
TOKEN_TTL_S = 21600
MAX_BYTES = 65536
_INSTANCE = re.compile(r"i-[0-9A-Za-z]{1,64}")


@dataclass(frozen=True)
class Fate:
    """What AWS has announced. `spot_at`: when the instance is taken, None when nothing is said.

    `target` is the lifecycle state that the Auto Scaling group takes the instance to, '' when it is in no group.
    """

    spot_at: datetime | None = None
    rebalance: bool = False
    target: str = ""


class Imds:
    """The metadata service. Every method raises CannotTell when it does not answer as AWS documents it.

    In a container the instance's hop limit must be 2 (HttpPutResponseHopLimit), or no token ever arrives.
    """

    def __init__(self, endpoint: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._endpoint = endpoint
        self._timeout_s = timeout_s
        self._token = ""

    def instance_id(self) -> str:
        """The instance's id."""
        told = self._get("instance-id")
        if told is None or not _INSTANCE.fullmatch(told):
            raise CannotTell("the instance metadata service tells no instance id", why=f"asked {self._endpoint}")
        return told

    def fate(self) -> Fate:
        """Spot interruption notice, rebalance recommendation and target lifecycle state, asked for now."""
        spot = self._get("spot/instance-action")
        spot_at = None if spot is None else _time_of(spot)
        try:
            return Fate(
                spot_at=spot_at,
                rebalance=self._get("events/recommendations/rebalance") is not None,
                target=self._get("autoscaling/target-lifecycle-state") or "",
            )
        except CannotTell:
            # The one notice that cannot wait must not be lost with what else was asked.
            if spot_at is None:
                raise
            return Fate(spot_at=spot_at)

    def _get(self, path: str) -> str | None:
        """The text of an item; None when there is none (404)."""
        # A token may be refused at any time: one more try with a new one.
        for _ in range(2):
            self._token = self._token or self._ask("PUT", "api/token", ttl=True)[1]
            try:
                status, text = self._ask("GET", f"meta-data/{path}")
            except CannotTell:
                # It may be the token: one that no service of AWS gave would fail for ever.
                self._token = ""
                raise
            if status == 401:
                self._token = ""
                continue
            return None if status == 404 else text
        raise CannotTell("the instance metadata service refuses its own token", why=self._endpoint)

    def _ask(self, method: str, path: str, *, ttl: bool = False) -> tuple[int, str]:
        headers = {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_TTL_S)} if ttl else {}
        if not ttl:
            headers = {"X-aws-ec2-metadata-token": self._token}
        try:
            # Not through a proxy: what a proxy answers would be the proxy's own machine.
            with closing(
                http.client.HTTPConnection(urlsplit(self._endpoint).netloc, timeout=self._timeout_s)
            ) as connection:
                connection.request(method, f"/latest/{path}", headers=headers)
                answer = connection.getresponse()
                status, text = answer.status, answer.read(MAX_BYTES).decode("utf-8", "replace").strip()
        # ValueError: an endpoint that is no address, or a token (some other service's page) that no header can carry.
        except (OSError, http.client.HTTPException, ValueError) as error:
            why = f"{type(error).__name__}: {error}"[:200]
            raise CannotTell(f"no instance metadata at {self._endpoint}", why=why) from error
        if status == 200 or (not ttl and status in (401, 404)):
            return status, text
        raise CannotTell(f"no instance metadata at {self._endpoint}", why=f"HTTP {status} for /latest/{path}")


def from_environment(env: Mapping[str, str] | None = None) -> Imds | None:
    """The service by the variables that AWS's own programs read; None where it is switched off."""
    env = os.environ if env is None else env
    if env.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true":
        return None
    return Imds(env.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or ENDPOINT)


def _time_of(text: str) -> datetime:
    """When a notice takes effect. Raises CannotTell: a notice nobody understands must not pass for none."""
    try:
        at = datetime.fromisoformat(json.loads(text)["time"])
    except (ValueError, TypeError, KeyError) as error:
        raise CannotTell("the Spot notice cannot be read", why=text[:200]) from error
    if at.tzinfo is None:
        raise CannotTell("the Spot notice cannot be read", why=text[:200])
    return at
