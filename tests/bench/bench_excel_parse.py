"""What reading an uploaded roster costs: ours, openpyxl (read_only, as the old worker calls it) and python-calamine.

    python -m tests.bench.bench_excel_parse [--rows 2000 100000] [--rounds 3] [--json]

Linux only (it reads /proc). Every reading is a process of its own, in turn. CPU is user + system, `import` and `read`
apart; MB is the peak over what was held before the file was opened. "child" is `academyctl.roster.reading.read` as the
worker calls it: start, reading, understanding every row and the spool, in the child; its MB is the child's whole peak.
Nothing is asserted; the goals are 3x less CPU than openpyxl and +60 MB at 100,000 rows of 12 columns.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.roster.packages import parts, sheet_xml, zipped

READERS = {
    "ours": """
from academyctl.roster.model import Limits
from academyctl.roster import _xlsx
imported()
rows = sum(1 for row in _xlsx.sheets(path, Limits(rows=10**6))[0].rows())
""",
    "ours, expat": """
from academyctl.roster.model import Limits
from academyctl.roster import _package, _xlsx, _xlsx_parts, _xlsx_rows, _xlsx_values
imported()
limits = Limits(rows=10**6)
with _package.opened(path, limits) as package:
    book = _xlsx_parts.workbook(package, limits)
    strings = _xlsx.shared_strings(package, book.strings_part, limits)
    cells = _xlsx_values.cells(limits, strings, book.date_styles, book.date1904)
    chunks = lambda: package.chunks(book.sheets[0].part)
    rows = sum(1 for row in _xlsx_rows.rows(chunks, cells, plain=False))
""",
    "openpyxl": """
import openpyxl
imported()
book = openpyxl.load_workbook(path, read_only=True, data_only=True)
rows = sum(1 for row in book.worksheets[0].iter_rows(values_only=True))
""",
    "calamine": """
import python_calamine
imported()
rows = sum(1 for row in python_calamine.CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).iter_rows())
""",
    "child": """
import os, psutil
from academyctl.roster.model import Ask, Limits
from academyctl.roster.reading import read
imported()
seen = []
def stop():
    for child in psutil.Process().children():
        try:
            seen.append(child.memory_info().rss)
        except psutil.Error:
            pass
    return False
reading = read(path, Ask(), Limits(rows=10**6), spool=path.with_suffix(".spool"), stop_asked=stop)
rows, spent = reading.counts["read"] + 1, sum(os.times()[2:4])
held = max(seen, default=0)
""",
}
HEADS = (
    "번호",
    "이름",
    "학부모전화번호",
    "학생전화번호",
    "학교",
    "학년",
    "성별",
    "반",
    "계열",
    "메모",
    "구분",
    "등록일",
)
AROUND = """
import json, pathlib, re, sys, time
path = pathlib.Path(sys.argv[1])
def highest():  # ru_maxrss would start at the peak of the process that started this one
    return int(re.search(r"VmHWM:\\s*(\\d+)", pathlib.Path("/proc/self/status").read_text())[1])
def imported():
    global base, began
    base, began = highest(), time.process_time()
spent = held = 0
{reader}
took = time.process_time() - began + spent
peak = held / 2**20 if spent else (highest() - base) / 1024
print(json.dumps([rows, began, took, peak]))
"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--rows", type=int, nargs="+", default=[2_000, 100_000])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--json", action="store_true")
    asked = options.parse_args()
    out = {}
    with tempfile.TemporaryDirectory() as folder:
        for rows in asked.rows:
            path = roster(Path(folder) / f"{rows}.xlsx", rows)
            out[str(rows)] = measure(path, rows, asked.rounds)
    if asked.json:
        print(json.dumps(out))
        return
    for rows_said, readers in out.items():
        print(f"{rows_said} rows x 12, {asked.rounds} rounds    import s   read s   x openpyxl   MB")
        for name, (began, took, peak) in readers.items():
            ratio = readers["openpyxl"][1] / took
            print(f"  {name:32}{began:10.3f}{took:9.3f}{ratio:12.1f}{peak:9.0f}")


def measure(path: Path, rows: int, rounds: int) -> dict[str, tuple[float, float, float]]:
    """reader -> CPU seconds of its imports and of its reading (medians), and its highest peak in MB."""
    found: dict[str, list[list[float]]] = {name: [] for name in READERS}
    for _ in range(rounds):
        for name, reader in READERS.items():
            code = AROUND.replace("{reader}", reader)
            # The card's openpyxl: with defusedxml installed beside it, it would be 1.4x slower.
            env = {"OPENPYXL_DEFUSEDXML": "False", "PYTHONPATH": str(Path(__file__).parents[2])}
            run = [sys.executable, "-c", code, str(path)]
            done = subprocess.run(run, env=env, capture_output=True, text=True, check=True)
            count, *costs = json.loads(done.stdout)
            if count != rows + 1:
                raise SystemExit(f"{name} read {count} rows of {rows + 1}")
            found[name].append(costs)
    return {
        name: (
            statistics.median(each[0] for each in costs),
            statistics.median(each[1] for each in costs),
            max(each[2] for each in costs),
        )
        for name, costs in found.items()
    }


def roster(path: Path, rows: int) -> Path:
    """As Excel writes it: shared strings with phonetic marks, a date style, every cell with its reference."""
    rng = random.Random(1)
    strings: dict[str, int] = {}
    body = "".join(_row(at, HEADS if at == 1 else _values(rng, at), strings) for at in range(1, rows + 2))
    shared = "".join(f'<si><t>{text}</t><phoneticPr fontId="1" type="noConversion"/></si>' for text in strings)
    formats = "".join(f'<xf numFmtId="{number}"/>' for number in (0, 49, 14))
    styles = "<fonts><font/></fonts><fills><fill><patternFill/></fill></fills><borders><border/></borders>"
    styles += f"<cellStyleXfs><xf/></cellStyleXfs><cellXfs>{formats}</cellXfs>"
    styles += '<cellStyles><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
    made = parts(sheet_xml(body), strings=shared, styles=styles)
    overrides = "".join(
        f'<Override PartName="/xl/{part}.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        f'spreadsheetml.{kind}+xml"/>'
        for part, kind in (
            ("workbook", "sheet.main"),
            ("worksheets/sheet1", "worksheet"),
            ("styles", "styles"),
            ("sharedStrings", "sharedStrings"),
        )
    )
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    made["[Content_Types].xml"] = f'<Types xmlns="{types}">{overrides}</Types>'
    return zipped(path, made)


def _values(rng: random.Random, at: int) -> Iterator[str | int | float | None]:
    family, given = "김이박최정강조윤장임", "민서지우하은도윤서연시우주원하준지호수아"
    yield at - 1
    yield rng.choice(family) + rng.choice(given) + rng.choice(given)
    yield f"010-{rng.randrange(1000, 10000)}-{rng.randrange(10000):04}"
    yield 1_000_000_000 + rng.randrange(10**8) if at % 3 else f"010-{rng.randrange(1000, 10000)}-{at % 10000:04}"
    yield rng.choice(["한빛고등학교", "서울고", "대치중", "은마초등학교(3)"])
    yield rng.randrange(1, 4)
    yield rng.choice("남여")
    yield f"{rng.randrange(1, 10)}반"
    yield rng.choice(["이과", "문과"])
    yield f"메모 {at}" if at % 2 else None
    yield "재원"
    yield 46_000.0 + at % 300


def _row(at: int, values: Iterable[str | int | float | None], strings: dict[str, int]) -> str:
    cells = []
    for letter, value in zip("ABCDEFGHIJKL", values, strict=True):
        if isinstance(value, str):
            cells.append(f'<c r="{letter}{at}" s="1" t="s"><v>{strings.setdefault(value, len(strings))}</v></c>')
        elif value is not None:
            style = ' s="2"' if isinstance(value, float) else ""
            cells.append(f'<c r="{letter}{at}"{style}><v>{value:.0f}</v></c>')
    return f'<row r="{at}" spans="1:12">{"".join(cells)}</row>'


if __name__ == "__main__":
    main()
