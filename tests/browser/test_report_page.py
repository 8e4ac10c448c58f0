"""The diagnosis as a page: it fits a phone and a screen, works under its own policy, and leaves the console empty."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from checks._report import render
from tests.browser.conftest import NAMES, QUIET
from tests.checks import facts as f
from tests.checks import said
from tests.checks.test_formats import hostile

pytestmark = pytest.mark.browser

WIDTHS = (360, 1280)
# A window cannot be as narrow as a phone; a frame can.
WRAPPER = """<!doctype html><body><pre id="said"></pre><script>
const looks = %s, said = {};
function look(page_name, width) {
  return new Promise((done) => {
    const frame = document.createElement("iframe");
    frame.style.cssText = `width:${width}px;height:900px;border:0`;
    frame.onload = async () => {
      const page = frame.contentDocument, button = page.querySelector("button");
      const seen = {
        inner: frame.contentWindow.innerWidth,
        scroll: page.documentElement.scrollWidth,
        styled: frame.contentWindow.getComputedStyle(page.querySelector("header")).borderTopWidth,
        scripts: page.scripts.length,
        wide: [...page.querySelectorAll("body *")].filter(
          (one) => !one.closest("svg") && one.getBoundingClientRect().right > width + 1).length,
        bars: [...page.querySelectorAll(".bar svg")].map((one) => one.getBoundingClientRect().width),
        shown: !button.hidden,
      };
      button.click();
      await new Promise((wait) => setTimeout(wait, 300));
      seen.word = button.textContent;
      done(seen);
    };
    frame.src = page_name;
    document.body.append(frame);
  });
}
(async () => {
  for (const [name, width] of looks) said[`${name} ${width}`] = await look(name, width);
  document.getElementById("said").textContent = JSON.stringify(said);
})();
</script></body>"""


def _seen(folder: Path, pages: dict[str, str]) -> tuple[dict[str, Any], str]:
    """What a browser measures of each page at each width (`name width`), and what was said on its console."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium on PATH: the browser tests need one (Debian: apt-get install chromium)")
    for name, page in pages.items():
        (folder / name).write_text(page, encoding="utf-8")
    looks = [(name, width) for name in pages for width in WIDTHS]
    (folder / "look.html").write_text(WRAPPER % json.dumps(looks), encoding="utf-8")
    sandbox = ("--no-sandbox",) if os.name == "posix" and os.geteuid() == 0 else ()
    done = subprocess.run(
        [
            program, *QUIET, *sandbox, f"--user-data-dir={folder / 'profile'}", "--allow-file-access-from-files",
            "--enable-logging=stderr", "--virtual-time-budget=8000", "--window-size=1400,1000", "--dump-dom",
            (folder / "look.html").as_uri(),
        ],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, encoding="utf-8", timeout=90, check=False,
    )  # fmt: skip
    found = re.search(r'<pre id="said">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found is not None, done.stderr
    console = "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)
    return json.loads(found[1]), console


def _busy() -> str:
    # A name without a blank, as long as SQS lets it be, is the widest thing that a page must bear.
    name = "q" * 80
    dead = f.box("academy-video-jobs-dlq", visible=3)
    busy = f.queue("video", name=name, box=replace(f.box(name), visible=128, in_flight=2), dlq=dead)
    return render("html", said.report({**said.SHOWN["many"], "sqs": busy}))


def test_the_page_fits_its_window_and_works_under_its_own_policy(tmp_path: Path) -> None:
    seen, console = _seen(tmp_path, {"busy.html": _busy(), "hostile.html": render("html", hostile())})
    assert console == ""
    assert len(seen) == 2 * len(WIDTHS)
    for name, one in seen.items():
        width = int(name.split()[1])
        assert one["scroll"] <= one["inner"] == width
        assert (one["wide"], one["styled"], one["scripts"]) == (0, "6px", 1), name
        assert len(one["bars"]) >= 4
        assert all(0 < bar < width for bar in one["bars"])
        assert (one["shown"], one["word"]) == (True, "Copied")


def test_this_test_hears_the_console_and_sees_what_is_too_wide(tmp_path: Path) -> None:
    page = "<header></header><button>b</button><p style='width:9999px'>x</p><script>console.error('boo')</script>"
    seen, console = _seen(tmp_path, {"bad.html": page})
    assert "boo" in console
    assert seen["bad.html 360"]["scroll"] > 360
    assert seen["bad.html 360"]["wide"] == 1
