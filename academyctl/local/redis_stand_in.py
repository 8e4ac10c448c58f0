"""A Redis for machines that have none (Windows without Memurai): fakeredis behind TCP, in its own process."""

from __future__ import annotations

import os
import sys


def main(port: int) -> None:
    """Serve until killed. fakeredis knows no passwords over TCP before AUTH, so it listens on 127.0.0.1 alone."""
    from fakeredis import TcpFakeServer

    os.environ.pop("REDIS_PASSWORD", None)
    TcpFakeServer(("127.0.0.1", port), server_type="redis").serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
