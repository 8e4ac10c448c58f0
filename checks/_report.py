"""The door to every format of a report. A format's module is loaded when it is asked for."""

from __future__ import annotations

import json

from checks._paper import ENDLESS, Paper
from checks._report_words import Report, Show, headline

__all__ = ["FORMATS", "Report", "Show", "headline", "render"]

FORMATS = ("table", "short", "json", "ndjson", "junit", "md", "html")


def render(fmt: str, report: Report, paper: Paper = ENDLESS) -> str:
    """The report in one of FORMATS, ending with a line end; `paper` counts for the table alone."""
    if fmt in ("table", "short"):
        from checks import _report_text

        text = _report_text.as_table(report, paper) if fmt == "table" else _report_text.as_short(report)
        return text + "\n"
    if fmt in ("json", "ndjson"):
        from checks import _report_json

        if fmt == "ndjson":
            return _report_json.as_ndjson(report)
        return json.dumps(_report_json.as_json(report), ensure_ascii=False, indent=2) + "\n"
    if fmt == "junit":
        from checks import _report_junit

        return _report_junit.as_junit(report)
    if fmt == "md":
        from checks import _report_md

        return _report_md.as_md(report)
    from checks import _report_html

    return _report_html.as_html(report)
