"""The working folder goes whatever happens; what a killed worker left goes with the next start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from academyctl.errors import WorkFailed
from workers.video.workdir import OWNER, remove_leftovers, workdir


def test_the_folder_is_gone_after_success_and_after_a_failure(tmp_path: Path) -> None:
    with workdir(tmp_path / "root", 7, host="here") as folder:
        assert folder.name.startswith("video-7-")
        (folder / "source.mp4").write_bytes(b"x")
    with pytest.raises(ValueError, match="boom"), workdir(tmp_path / "root", 7, host="here") as folder:
        (folder / "hls").mkdir()
        raise ValueError("boom")
    assert list((tmp_path / "root").iterdir()) == []


def test_what_a_killed_worker_left_is_removed_and_a_living_ones_is_not(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from workers.video.workdir import workdir\n"
        "with workdir(Path(sys.argv[1]), 5, host='here') as folder:\n"
        "    (folder / 'source.mp4').write_bytes(b'x' * 1000); print(folder, flush=True); sys.stdin.read()\n"
    )
    argv = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8") as worker:
        assert worker.stdout is not None
        left = Path(worker.stdout.readline().strip())
        assert remove_leftovers(tmp_path, host="here") == []
        worker.kill()
        worker.wait()
    with workdir(tmp_path, 6, host="here") as mine:
        assert remove_leftovers(tmp_path, host="elsewhere") == []
        assert remove_leftovers(tmp_path, host="here") == [left]
        assert mine.exists()
    assert not left.exists()


def test_a_worker_killed_while_it_cleans_up_leaves_a_folder_that_still_names_its_owner(tmp_path: Path) -> None:
    # It kills itself amid its own clean-up: from outside nobody could tell that moment on a busy machine.
    code = (
        "import os, signal, sys; from pathlib import Path; from workers.video.workdir import workdir\n"
        "removed, unlink = [], os.unlink\n"
        "def counted(*path, **where):\n"
        "    removed.append(path)\n"
        "    os.kill(os.getpid(), signal.SIGKILL) if len(removed) > 50 else unlink(*path, **where)\n"
        "with workdir(Path(sys.argv[1]), 5, host='here') as folder:\n"
        "    for number in range(100): (folder / f'{number}.ts').touch()\n"
        "    os.unlink = counted\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False, timeout=30)
    assert ended.returncode == -signal.SIGKILL
    [left] = tmp_path.iterdir()
    assert 0 < len(list(left.iterdir())) <= 60, "it was killed in the middle"
    assert (left / OWNER).exists()
    assert remove_leftovers(tmp_path, host="here") == [left]
    assert not left.exists()


def test_a_process_number_used_again_is_not_taken_for_the_owner(tmp_path: Path) -> None:
    """In a container every worker is process 1."""
    left = tmp_path / "video-5-abc"
    left.mkdir()
    me = psutil.Process()
    owner = {"pid": me.pid, "started": me.create_time() - 3600, "host": "here"}
    (left / OWNER).write_text(json.dumps(owner), encoding="utf-8")
    assert remove_leftovers(tmp_path, host="here") == [left]


def test_a_folder_without_a_name_is_left_alone_until_it_is_old(tmp_path: Path) -> None:
    young, other = tmp_path / "video-5-abc", tmp_path / "not-ours"
    young.mkdir()
    other.mkdir()
    assert remove_leftovers(tmp_path, host="here") == []
    os.utime(young, (1, 1))
    os.utime(other, (1, 1))
    assert remove_leftovers(tmp_path, host="here") == [young]
    assert other.exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder that cannot be written")
def test_an_unwritable_temp_dir_says_which_setting_to_change(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(WorkFailed, match="cannot be written") as caught, workdir(tmp_path, 1, host="here"):
        pass
    assert "VIDEO_WORKER_TEMP_DIR" in caught.value.remedy_in("en")
