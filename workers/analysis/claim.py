"""Who analyses one version of an object: a note in S3, which becomes the result.

    working (whose, until when) --answer--> done (the result; for ever)
       ^         |--failure--> failed (the reason; whoever comes next may begin)
       +-- its owner renews it; when it is not renewed for `lease_s`, another may take it

Each step is written over exactly the note that was read, so of two workers one wins, without Redis and without a
database: a container of the pipeline has neither. Ages are by S3's own clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from academyctl.contract.analysis import Upload, result_key, shown
from academyctl.errors import Busy, LeaseLost
from academyctl.stores.uploads import Note
from workers._model import Delivery

WORKING, DONE, FAILED = "working", "done", "failed"
_TRIES = 3
_BUSY_MAX_S = 60.0


class Claim:
    """The note of one version of one upload. `take` it, hold it while the service works, then `finish` or `free`."""

    def __init__(self, delivery: Delivery, upload: Upload, version: str) -> None:
        said = delivery.settings.analysis
        self._delivery, self._uploads, self._lease_s = delivery, delivery.stores.uploads, said.lease_s
        self.bucket = said.results_bucket or upload.bucket
        self.key = result_key(said.results_prefix, upload.bucket, upload.key, version)
        # A header's value: letters that HTTP can carry, whatever the object is called.
        self.id = hashlib.sha256(f"{self.bucket}/{self.key}".encode()).hexdigest()[:32]
        self.name = f"the claim s3://{self.bucket}/{shown(self.key)}"
        named = {"s3_bucket": upload.bucket, "s3_key": upload.key, "etag": version, "video_id": upload.video_id}
        self._named = {key: value for key, value in named.items() if value}
        self._etag = ""
        self._since = ""
        self._renewals = 0

    def take(self) -> Mapping[str, Any] | None:
        """Ours now: None. Analysed before: the note of that.

        Raises Busy while another has it, AwsError.
        """
        self._since = self._now()
        for _ in range(_TRIES):
            note = self._uploads.note(self.bucket, self.key)
            if note is not None and note.document.get("state") == DONE:
                return note.document
            if note is not None and not self._is_ours(note):
                self._check_free(note)
            self._etag = self._write(self._working(), note.etag if note else "")
            if self._etag:
                return None
        raise Busy("another worker claims the same upload in this moment", after=self._delivery.rng.uniform(1, 4))

    def renew(self) -> None:
        """Push it on. Raises LeaseLost when another has taken it, AwsError."""
        # Counted in the note: S3's ETag of the same bytes is the same, and who read the note before this renewal, when
        # it had run out, must not be able to write over it any more.
        self._renewals += 1
        self._etag = self._over(self._working())

    def finish(self, result: Mapping[str, Any]) -> None:
        """The result, for ever; what another has finished meanwhile stays. Raises LeaseLost, AwsError."""
        self._etag = self._over({**self._document(DONE), "result": dict(result)})

    def free(self, reason: str) -> None:
        """Whoever comes next may begin at once. Raises LeaseLost, AwsError."""
        self._etag = self._over({**self._document(FAILED), "reason": reason[:1000]})

    def _over(self, document: Mapping[str, Any]) -> str:
        """Write over our own note; its ETag."""
        etag = self._write(document, self._etag)
        for _ in range(_TRIES):
            if etag:
                return etag
            # A write of ours whose answer was lost looks like another's: the note itself tells.
            note = self._uploads.note(self.bucket, self.key)
            if note is None or not self._is_ours(note):
                break
            if note.document.get("state") == DONE:
                return note.etag
            etag = self._write(document, note.etag)
        raise LeaseLost(f"{self.name} is another's now")

    def _check_free(self, note: Note) -> None:
        told = note.document
        if told.get("state") != WORKING:
            return
        lease = told.get("lease_s")
        left_s = (lease if isinstance(lease, int | float) else self._lease_s) - note.age_s
        if left_s > 0:
            after = min(_BUSY_MAX_S, left_s + 1) + self._delivery.rng.uniform(0, 4)
            raise Busy(f"{told.get('owner', 'another')} analyses it since {told.get('since', '?')}", after=after)

    def _is_ours(self, note: Note) -> bool:
        return note.document.get("owner") == self._delivery.token

    def _working(self) -> dict[str, Any]:
        return {**self._document(WORKING), "lease_s": self._lease_s, "renewals": self._renewals}

    def _document(self, state: str) -> dict[str, Any]:
        times = {"since": self._since} if state == WORKING else {"since": self._since, "ended": self._now()}
        return {"version": 1, "state": state, **self._named, "owner": self._delivery.token, **times}

    def _write(self, document: Mapping[str, Any], replacing: str) -> str:
        return self._uploads.write(self.bucket, self.key, document, replacing=replacing)

    def _now(self) -> str:
        return self._delivery.clock.now().isoformat(timespec="seconds")
