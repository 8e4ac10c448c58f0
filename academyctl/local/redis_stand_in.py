"""A Redis for machines that have none (Windows without Memurai): fakeredis behind TCP, in its own process."""

from __future__ import annotations

import os
import sys


def main(port: int, password: str) -> None:
    """Serve on 127.0.0.1 until killed. AUTH is understood, but fakeredis also serves those who say a wrong password."""
    from fakeredis import TcpFakeServer

    server = TcpFakeServer(("127.0.0.1", port), server_type="redis")
    server.fake_server.config[b"requirepass"] = password.encode()
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), os.environ["REDIS_PASSWORD"])
