"""A function as the zip file that AWS runs: the same bytes on every machine, so that its sha256 says what is deployed.

Nothing is compressed (two zlib versions make two files of one source), every time is 1980, every mode 0644.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from importlib import resources

HANDLER = "lambda_function.lambda_handler"
RUNTIME = "python3.11"
# The handler itself becomes lambda_function.py, the platform's own name: code and configuration never disagree.
_BESIDE: dict[str, tuple[str, ...]] = {
    "queue_depth": ("policy.py", "lambdas/readings.py"),
    "worker_autoscale": ("policy.py", "lambdas/readings.py"),
    "sqs_to_batch": (),
}
HANDLERS = tuple(_BESIDE)


def package(handler_name: str) -> bytes:
    """The zip of one of HANDLERS. Raises KeyError for another name."""
    files = {"lambda_function.py": f"lambdas/{handler_name}.py"}
    files |= {path.rpartition("/")[2]: path for path in _BESIDE[handler_name]}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            archive.writestr(entry, _source(files[name]))
    return packed.getvalue()


def sha256(code: bytes) -> str:
    """A zip's digest as Lambda tells it (CodeSha256): base64."""
    return base64.b64encode(hashlib.sha256(code).digest()).decode("ascii")


def _source(path: str) -> bytes:
    found = resources.files("academyctl.ops").joinpath(*path.split("/"))
    # A checkout on Windows may have other line ends.
    return found.read_bytes().replace(b"\r\n", b"\n")
