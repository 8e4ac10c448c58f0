"""A platform that the read-only tests share."""

from tests.fleet import platform_env as platform_env
from tests.fleet import shared_fleet as shared_fleet
from tests.steady import steady_env as steady_env
