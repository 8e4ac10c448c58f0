"""A platform that the read-only tests share."""

from tests.steady import steady_env as steady_env
