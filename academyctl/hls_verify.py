"""Whether what R2 holds of a video is whole: master, playlists, segments, lengths, types (contract 4)."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from academyctl.contract import keys, objects
from academyctl.contract.states import VideoState
from academyctl.errors import AwsError
from academyctl.hls_decode import Decoded, decode, source_length
from academyctl.hls_playlist import BadPlaylist, Master, Media, Variant, parse, resolve
from academyctl.hls_report import Problem, Rendition, VerifyReport
from academyctl.stores import Stores
from academyctl.stores.videos import VideoRow

PARALLEL = 8
DECODERS = 2
TS_PACKET = 188
# The row keeps whole seconds, and the platform's generations both cut and round them.
ROW_TOLERANCE_S = 1.1
SOURCE_TOLERANCE_S = 0.1
FRAMES_TOLERANCE = 2


@dataclass
class _Look:
    """The verification under way: what the folder holds, what was read of it, what was found."""

    stores: Stores
    video: VideoRow
    sizes: dict[str, int]
    problems: list[Problem] = field(default_factory=list)
    named: set[str] = field(default_factory=set)

    @property
    def bucket(self) -> str:
        return self.stores.settings.r2.video_bucket

    def say(self, code: str, key: str, what: str) -> None:
        self.problems.append(Problem(code, key, what))

    def read(self, key: str) -> Master | Media | None:
        """A playlist of the folder; None (and a problem) when it is absent or unreadable."""
        self.named.add(key)
        if key not in self.sizes:
            self.say("playlist-missing", key, "there is no such object")
            return None
        try:
            return parse(self.stores.r2.read(self.bucket, key).decode("utf-8", "replace"))
        except BadPlaylist as error:
            self.say("bad-playlist", key, str(error))
        except AwsError as error:
            # Gone between listing and reading; anything else is 'could not tell' and the caller's business.
            if error.cause != "missing":
                raise
            self.say("playlist-missing", key, "there is no such object")
        return None


def verify(stores: Stores, video: VideoRow, *, ffmpeg: Path | None = None, types: bool = True) -> VerifyReport:
    """Compare a video's objects with its playlists; with `types` also ask each for its type and cache rule, with
    `ffmpeg` also decode every rendition to its end.

    Reads only. Raises StoreError when R2 cannot be read, WorkFailed when FFmpeg cannot be started.
    """
    folder = keys.hls_folder(video.tenant_id, video.id)
    bucket = stores.settings.r2.video_bucket
    look = _Look(stores, video, {head.key: head.size for head in stores.r2.list(bucket, folder)})
    report = VerifyReport(
        video.id, video.tenant_id, folder, len(look.sizes), sum(look.sizes.values()), row_s=video.duration
    )
    _judge_row(look)
    if not look.sizes:
        look.say("empty", folder, "nothing is published")
        return replace(report, problems=tuple(look.problems))
    with ThreadPoolExecutor(PARALLEL) as pool:
        renditions = _renditions(look, pool)
        if types:
            _judge_types(look, pool)
    source = None
    if ffmpeg is not None:
        renditions, source = _decoded(look, renditions, ffmpeg)
    notes = _thumbnail(look)
    return replace(
        report,
        renditions=tuple(renditions),
        source=source,
        problems=tuple(sorted(look.problems, key=lambda problem: (_natural(problem.key), problem.code))),
        orphans=tuple(sorted(set(look.sizes) - look.named, key=_natural)),
        notes=notes,
    )


def _natural(key: str) -> list[tuple[str, int]]:
    """Sorts index10.ts after index9.ts."""
    return [(text, int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", key)]


def _judge_row(look: _Look) -> None:
    video, master = look.video, keys.hls_master(look.video.tenant_id, look.video.id)
    if video.status != VideoState.READY:
        look.say("not-ready", "", f"the row says {video.status}, not READY")
    elif video.hls_path != master:
        look.say("hls-path", video.hls_path, f"the row's hls_path is not {master}")


def _thumbnail(look: _Look) -> tuple[str, ...]:
    key = keys.hls_thumbnail(look.video.tenant_id, look.video.id)
    look.named.add(key)
    return () if look.sizes.get(key, 0) > 0 else (f"no thumbnail: {key}",)


def _renditions(look: _Look, pool: ThreadPoolExecutor) -> list[Rendition]:
    master_key = keys.hls_master(look.video.tenant_id, look.video.id)
    master = look.read(master_key)
    if master is None:
        return []
    if isinstance(master, Media):
        look.say("bad-playlist", master_key, "the master names segments, not renditions")
        return []
    if not master.variants:
        look.say("bad-playlist", master_key, "the master names no rendition")
    named = {audio.group for audio in master.audio}
    for variant in master.variants:
        if variant.audio_group and variant.audio_group not in named:
            look.say("bad-playlist", master_key, f"{variant.uri} wants the sound group '{variant.audio_group}'")
    # A sound rendition may be named twice: as a group, and as a variant for players without a screen.
    wanted = list(
        {rendition.key: rendition for rendition in _named(look, master, master_key) if rendition.key}.values()
    )
    return [whole for whole in pool.map(lambda rendition: _measure(look, rendition), wanted) if whole is not None]


def _named(look: _Look, master: Master, master_key: str) -> Iterator[Rendition]:
    for variant in master.variants:
        yield _from_variant(look, variant, master_key)
    for audio in master.audio:
        if audio.uri:
            key = _inside(look, master_key, audio.uri)
            yield Rendition(_name(key), "audio", key, _audio_codec(master))


def _from_variant(look: _Look, variant: Variant, master_key: str) -> Rendition:
    key = _inside(look, master_key, variant.uri)
    sound = variant.resolution is None and variant.codecs.startswith("mp4a") and "," not in variant.codecs
    return Rendition(
        _name(key),
        "audio" if sound else "video",
        key,
        variant.codecs,
        variant.resolution,
        variant.frame_rate,
        variant.bandwidth,
    )


def _audio_codec(master: Master) -> str:
    codecs = ",".join(variant.codecs for variant in master.variants).split(",")
    return next((codec for codec in codecs if codec.startswith("mp4a")), "")


def _measure(look: _Look, rendition: Rendition) -> Rendition | None:
    media = look.read(rendition.key)
    if media is None:
        return None
    if isinstance(media, Master):
        look.say("bad-playlist", rendition.key, "a rendition's playlist names renditions")
        return None
    if not media.ended:
        look.say("unfinished", rendition.key, "the playlist has no ENDLIST: players wait for more")
    if not media.segments:
        look.say("bad-playlist", rendition.key, "the playlist names no segment")
    segments = [_inside(look, rendition.key, segment.uri) for segment in media.segments]
    for key, segment in zip(segments, media.segments, strict=True):
        _judge_segment(look, key)
        if round(segment.duration_s) > media.target_duration_s:
            what = f"{segment.duration_s:.3f} s is longer than TARGETDURATION {media.target_duration_s}"
            look.say("target-duration", key, what)
    row_s = look.video.duration
    if row_s is not None and abs(media.duration_s - row_s) > ROW_TOLERANCE_S:
        look.say("duration", rendition.key, f"the segments add up to {media.duration_s:.3f} s, the row says {row_s} s")
    size = sum(look.sizes.get(key, 0) for key in segments)
    return replace(rendition, segments=tuple(filter(None, segments)), bytes=size, playlist_s=media.duration_s)


def _judge_segment(look: _Look, key: str) -> None:
    if not key:
        return
    look.named.add(key)
    size = look.sizes.get(key)
    if size is None:
        look.say("segment-missing", key, "the playlist names it, R2 does not have it")
    elif size == 0:
        look.say("segment-empty", key, "0 bytes")
    elif key.endswith(".ts") and size % TS_PACKET:
        look.say("segment-cut", key, f"{size} bytes are no whole number of {TS_PACKET}-byte packets")


def _inside(look: _Look, playlist_key: str, uri: str) -> str:
    """The key that a URI names; '' and a problem when it leads out of the video's folder."""
    key = resolve(playlist_key, uri)
    if key is None or not key.startswith(keys.hls_folder(look.video.tenant_id, look.video.id)):
        look.say("outside", playlist_key, f"'{uri}' leads out of the video's folder")
        return ""
    return key


def _name(key: str) -> str:
    return key.split("/")[-2] if "/" in key else key


def _judge_types(look: _Look, pool: ThreadPoolExecutor) -> None:
    """Type and cache rule of every object that a player would ask for; those that are missing are reported already."""
    asked = sorted(look.named & set(look.sizes))
    heads = pool.map(lambda key: look.stores.r2.head(look.bucket, key), asked)
    for key, head in zip(asked, heads, strict=True):
        if head is None:
            look.say("vanished", key, "deleted while it was being verified")
            continue
        if head.content_type.lower() != objects.content_type(key).lower():
            look.say("content-type", key, f"'{head.content_type}' instead of '{objects.content_type(key)}'")
        if head.cache_control != objects.cache_control(key):
            look.say("cache-control", key, f"'{head.cache_control}' instead of '{objects.cache_control(key)}'")


def _decoded(look: _Look, renditions: list[Rendition], ffmpeg: Path) -> tuple[list[Rendition], Decoded | None]:
    with ThreadPoolExecutor(DECODERS) as pool:
        results = list(pool.map(lambda rendition: decode(ffmpeg, _bytes(look, rendition.segments)), renditions))
    source = _source(look, ffmpeg)
    pictures = [result for result in results if result.video_s is not None]
    # All renditions show the same pictures at the same times, so what all of them lack is a film that stands still.
    holes_s = source.holes_s if source else min((result.holes_s for result in pictures), default=0.0)
    frames = max((result.frames for result in pictures), default=0)
    whole = [
        replace(rendition, decoded=result, decoded_s=_playable_s(rendition, result, holes_s))
        for rendition, result in zip(renditions, results, strict=True)
    ]
    for rendition in whole:
        _judge_decoded(look, rendition, source, frames)
    return whole, source


def _playable_s(rendition: Rendition, found: Decoded, holes_s: float) -> float | None:
    if rendition.kind == "audio" or found.video_s is None:
        return found.audio_s if rendition.kind == "audio" else None
    return found.video_s - max(0.0, found.holes_s - holes_s)


def _bytes(look: _Look, segments: Iterable[str]) -> Iterator[bytes]:
    for key in segments:
        if look.sizes.get(key, 0) > 0:
            yield from look.stores.r2.stream(look.bucket, key)


def _source(look: _Look, ffmpeg: Path) -> Decoded | None:
    """The upload's own length while the upload is still there."""
    key = look.video.file_key
    if not key or look.stores.r2.head(look.bucket, key) is None:
        return None
    with tempfile.TemporaryDirectory(prefix="academyctl-verify-") as folder:
        path = Path(folder) / "source"
        with path.open("wb") as handle:
            for chunk in look.stores.r2.stream(look.bucket, key):
                handle.write(chunk)
        return source_length(ffmpeg, path)


def _judge_decoded(look: _Look, rendition: Rendition, source: Decoded | None, frames: int) -> None:
    found = rendition.decoded
    if found is None:
        return
    for words in found.errors:
        look.say("decode", rendition.key, words)
    if rendition.decoded_s is None:
        look.say("decode", rendition.key, f"no {rendition.kind} can be decoded")
    elif rendition.kind == "video" and found.frames < frames - FRAMES_TOLERANCE:
        look.say("pictures", rendition.key, f"{frames - found.frames} of {frames} pictures are missing")
    lengths = {rendition.kind: rendition.decoded_s, "audio": found.audio_s}
    for kind, seconds in lengths.items():
        if seconds is not None:
            _judge_length(look, rendition.key, kind, seconds, source)


def _judge_length(look: _Look, key: str, kind: str, seconds: float, source: Decoded | None) -> None:
    if source is not None and source.length_s > 0:
        # The shorter of picture and sound is drawn out to the longer's end, unless they differ by next to nothing.
        own = source.video_s if kind == "video" else source.audio_s
        wanted, tolerance, told = [source.length_s, own or source.length_s], SOURCE_TOLERANCE_S, "the upload has"
    elif look.video.duration is not None:
        wanted, tolerance, told = [float(look.video.duration)], ROW_TOLERANCE_S, "the row says"
    else:
        return
    if min(abs(seconds - value) for value in wanted) > tolerance:
        look.say("duration", key, f"{seconds:.3f} s of {kind} can be played, {told} {wanted[0]:.3f} s")
