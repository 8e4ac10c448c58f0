"""A platform that the read-only tests share."""

from tests.fleet import fleet as fleet
from tests.fleet import fleet_clients as fleet_clients
from tests.fleet import platform_env as platform_env
from tests.fleet import shared_fleet as shared_fleet
from tests.platform_rows import rows as rows
from tests.platform_rows import rows_env as rows_env
from tests.platform_rows import rows_platform as rows_platform
from tests.steady import steady_env as steady_env
from tests.video_commands.conftest import cli as cli
