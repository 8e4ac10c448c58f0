"""A Redis for machines that have none (Windows without Memurai): fakeredis behind TCP, in its own process."""

from __future__ import annotations

import os
import sys
from typing import Any


def main(port: int, password: str) -> None:
    """Serve on 127.0.0.1 until killed. AUTH is understood, but fakeredis also serves those who say a wrong password."""
    from fakeredis import TcpFakeServer

    server = TcpFakeServer(("127.0.0.1", port), server_type="redis")
    server.fake_server.config[b"requirepass"] = password.encode()
    server.daemon_threads = True
    server.RequestHandlerClass = _patient(server.RequestHandlerClass)
    server.serve_forever()


def _patient(handler: Any) -> Any:
    """A handler that stays after an error reply, as Redis does; fakeredis' own hangs up (seen with NOSCRIPT)."""

    class Patient(handler):  # type: ignore[misc]
        def setup(self) -> None:
            super().setup()
            read = self.current_client.read_response

            def reply() -> Any:
                try:
                    return read()
                except Exception as error:  # a command's error is its reply; all else is raised again
                    if any(base.__name__ == "ResponseError" for base in type(error).__mro__):
                        return error
                    raise

            self.current_client.read_response = reply

    return Patient


if __name__ == "__main__":
    main(int(sys.argv[1]), os.environ["REDIS_PASSWORD"])
