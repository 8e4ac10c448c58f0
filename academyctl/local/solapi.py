"""A Solapi of the stack's own: real HTTP, verifies signature and schema, bills, keeps what it accepted (contract 6).

It fails by script (academyctl local solapi --help), so that what a worker does with each failure can be seen.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from academyctl.local.solapi_account import Account, Refusal
from academyctl.local.solapi_box import read_inbox
from academyctl.local.solapi_http import serve

__all__ = ["Account", "Refusal", "read_inbox", "serve"]

BALANCE = 10_000_000


def main() -> None:
    """`python -m academyctl.local.solapi PORT INBOX`, the key pair in the environment."""
    inbox = Path(sys.argv[2])
    inbox.parent.mkdir(parents=True, exist_ok=True)
    senders = tuple(filter(None, os.environ.get("SOLAPI_SENDER", "").split(",")))
    account = Account(os.environ["SOLAPI_API_KEY"], os.environ["SOLAPI_API_SECRET"], inbox, senders, BALANCE)
    # A container's own address is not 127.0.0.1.
    serve(int(sys.argv[1]), account, os.environ.get("BIND_HOST", "127.0.0.1")).serve_forever()


if __name__ == "__main__":
    main()
