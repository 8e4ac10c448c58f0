"""Reading what a presigned link of the platform's own storage names, and nothing else."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit

from academyctl.errors import AcademyError, AwsError

CHUNK = 1 << 18
_PORTS = {"http": 80, "https": 443}
# What a presigned URL may hold besides letters and digits; the rest was never encoded.
_KEPT = "/%:@!$&'()*+,;=-._~?"


class LinkRefused(AcademyError):
    """The link will never give the file: foreign, expired, gone, or too large. Its text never holds the link."""

    code = "link-refused"


def fetch(
    url: str,
    target: Path,
    *,
    storages: Sequence[str],
    max_bytes: int,
    timeout_s: float,
    look: Callable[[], None] = lambda: None,
) -> int:
    """Store what a link names at `target`; returns its bytes. `look` is called for every part that comes and may raise.

    A job's payload must not make a worker ask whatever host it names (the cloud's metadata address, the database), so
    only the scheme, host and port of `storages` (base URLs) and hosts below those are asked, and no redirect is
    followed. Raises LinkRefused, and AwsError (unreachable) when another try may succeed.
    """
    parts = _split(url)
    if not any(_within(parts, urlsplit(base)) for base in storages if base):
        raise LinkRefused("download_url is no link to the platform's storage")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=timeout_s)
    try:
        connection.request("GET", quote(f"{parts.path or '/'}?{parts.query}", safe=_KEPT))
        answer = connection.getresponse()
        if answer.status >= 500 or answer.status == 429:
            raise AwsError("the storage cannot answer now", why=f"HTTP {answer.status}", cause="unreachable")
        if answer.status != 200:
            raise LinkRefused(f"download_url answers HTTP {answer.status}", why=_MEANINGS.get(answer.status, ""))
        return _store(answer, target, max_bytes, look)
    except (http.client.HTTPException, OSError) as error:
        raise AwsError("download_url cannot be read now", why=type(error).__name__, cause="unreachable") from error
    finally:
        connection.close()


_MEANINGS = {403: "the link has expired or is not this file's", 404: "the file is gone"}


def _store(answer: http.client.HTTPResponse, target: Path, max_bytes: int, look: Callable[[], None]) -> int:
    done = 0
    with target.open("wb") as file:
        # What has come, not a whole chunk: a storage that drips must not keep `look` waiting.
        while chunk := answer.read1(CHUNK):
            done += len(chunk)
            if done > max_bytes:
                raise LinkRefused(f"the file is larger than {max_bytes // 2**20} MB")
            file.write(chunk)
            look()
    if answer.length:
        raise AwsError("download_url cannot be read now", why="the answer was cut off", cause="unreachable")
    return done


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")


def _within(parts: SplitResult, base: SplitResult) -> bool:
    """Whether a URL is one of this storage, in either addressing style (bucket in the path or before the host)."""
    if parts.scheme not in _PORTS or parts.username is not None or parts.password is not None:
        return False
    try:
        ports = [found.port or _PORTS.get(found.scheme) for found in (parts, base)]
    except ValueError:
        return False
    host, own = (parts.hostname or "").rstrip("."), base.hostname or ""
    same_host = bool(own) and (host == own or host.endswith("." + own))
    return same_host and parts.scheme == base.scheme and ports[0] == ports[1]
