"""The embedded stack: real PostgreSQL and Redis, emulated AWS, a fake Solapi, FFmpeg; all on 127.0.0.1."""

from academyctl.local.environment import profile_env

__all__ = ["profile_env"]
