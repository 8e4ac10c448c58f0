"""The zip that AWS gets: the same bytes every time, and whole: it runs where academyctl is not installed."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from academyctl.ops import package as packing

# As the runtime does it: the zip's folder is on the path, the handler a top-level module, and nothing of ours is there.
_RUNTIME = """
import sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "academyctl":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Nothing())
sys.path.insert(0, sys.argv[1])
import lambda_function
assert callable(lambda_function.lambda_handler)
ours = {name for name in sys.modules if name.split(".")[0] == "academyctl"}
assert not ours, ours
"""


@pytest.mark.parametrize("name", packing.HANDLERS)
def test_the_same_source_makes_the_same_bytes(name: str) -> None:
    code = packing.package(name)
    assert packing.package(name) == code
    with zipfile.ZipFile(io.BytesIO(code)) as archive:
        entries = archive.infolist()
        assert [one.filename for one in entries] == sorted(one.filename for one in entries)
        assert {one.date_time for one in entries} == {(1980, 1, 1, 0, 0, 0)}
        assert {(one.create_system, one.external_attr >> 16, one.compress_type) for one in entries} == {
            (3, 0o100644, zipfile.ZIP_STORED)
        }
        assert not any(b"\r" in archive.read(one) for one in entries)


def test_the_handler_is_the_very_source_that_is_tested_here() -> None:
    source = Path(packing.__file__).with_name("lambdas") / "queue_depth.py"
    with zipfile.ZipFile(io.BytesIO(packing.package("queue_depth"))) as archive:
        assert archive.namelist() == ["lambda_function.py", "policy.py", "readings.py"]
        assert archive.read("lambda_function.py") == source.read_bytes()


@pytest.mark.parametrize("name", packing.HANDLERS)
def test_it_loads_where_academyctl_is_not_installed(name: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(packing.package(name))) as archive:
        archive.extractall(tmp_path)
    argv = [sys.executable, "-c", _RUNTIME, str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, encoding="utf-8", timeout=30, check=False)
    assert (done.returncode, done.stderr) == (0, "")
