"""Where a run's objects go in R2, and how its playlists replace older ones (contract 4; 11 #5, #9).

The platform's player asks for two kinds of keys: `master.m3u8` and `v1/index.m3u8` (`v2/`, `vaudio/`) at exactly these
places, never cached; and whatever segments those playlists name, cached for a year as immutable. So:

    first run, folder empty    v1/index0.ts, v1/index1.ts ...                 the contract's plain names
    anything else              v1/{run}/index0.ts, v1/{run}/index1.ts ...     {run} = 8 hex digits of the run's own

"First" is a row that no worker ever claimed: an earlier run may still be about to write into an empty folder.
A re-encode thus never gives an old name new bytes (a CDN would mix both for a year), what is playable stays playable
until the playlists are switched, and an earlier run that was paused and wakes up cannot mix its bytes into ours.

Playlists are replaced only on the condition that they are still what we last saw there. Without it the paused run could
put its own playlist over the one of the run that finished meanwhile; with it, it learns that it has lost.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from academyctl.errors import AwsError, WorkFailed
from academyctl.stores.r2 import R2, Head

# A condition on an object that is gone by now is answered with 404, two writers at once with 409.
CONDITION_FAILED = ("PreconditionFailed", "412", "NoSuchKey", "404", "ConditionalRequestConflict", "409")
SWAPS = 5


def run_name(token: str) -> str:
    """8 hex digits that no other run has."""
    return hashlib.sha256(token.encode()).hexdigest()[:8]


@dataclass
class Shelf:
    """One video's folder as one run sees it. `sub` is '' for plain names, else the run's own sub-folder."""

    r2: R2
    bucket: str
    folder: str
    sub: str
    etags: dict[str, str] = field(default_factory=dict)
    """The playlists that were there, or that we put there."""

    @classmethod
    def open(cls, r2: R2, bucket: str, folder: str, token: str, *, first: bool = True) -> Shelf:
        """Look what is there already; `first`: no earlier run of this video exists. Raises AwsError."""
        there = {head.key: head.etag for head in r2.list(bucket, folder)}
        playlists = {key: etag for key, etag in there.items() if key.endswith(".m3u8")}
        return cls(r2, bucket, folder, "" if first and not there else run_name(token), playlists)

    def key(self, name: str) -> str:
        """The object key of a name inside the folder."""
        return self.folder + name

    @property
    def prefix(self) -> str:
        """What stands before a segment's name in a media playlist."""
        return f"{self.sub}/" if self.sub else ""

    def segment_key(self, rendition: str, segment: str) -> str:
        return self.key(f"{rendition}/{self.prefix}{segment}")

    def listing(self) -> Mapping[str, Head]:
        """Everything in the folder, by key. Raises AwsError."""
        return {head.key: head for head in self.r2.list(self.bucket, self.folder)}

    def swap(self, name: str, text: str, still_ours: Callable[[], None]) -> int:
        """Put a playlist over the one we know to be there; its size in bytes.

        When another one is there, `still_ours` decides: it raises LeaseLost, or we replace what an earlier owner has
        put there with its last breath. Raises AwsError, WorkFailed.
        """
        key, body = self.key(name), text.encode()
        for _ in range(SWAPS):
            try:
                self.etags[key] = self.r2.put(self.bucket, key, body, replacing=self.etags.get(key, ""))
                return len(body)
            except AwsError as error:
                if error.code not in CONDITION_FAILED:
                    raise
            still_ours()
            head = self.r2.head(self.bucket, key)
            self.etags[key] = head.etag if head is not None else ""
            # The answer to our own PUT may have been lost, and its repetition then found itself.
            if head is not None and head.size == len(body) and self.r2.read(self.bucket, key) == body:
                return len(body)
        raise WorkFailed(f"upload failed key={key}", why=f"something else wrote it {SWAPS} times meanwhile")
