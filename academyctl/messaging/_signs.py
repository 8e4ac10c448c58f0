"""What stands for a sign that KS X 1001 lacks. Shapes it has are kept as shapes; everything else here is ASCII.

Letters and digits are not in here, except those that Korean keyboards and office programs use as punctuation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

_GROUPS: tuple[tuple[str, str], ...] = (
    ("-", "\u2010\u2011\u2012\u2013\u2014\u2212\u2043\u207b\u2e3a\u2e3b\ufe58\u30fc\uff70\u2796"),
    ("·", "•\u2027\u30fb\uff65\u22c5\u2219\u2023\u204c\u204d\u2981\u29bf\u2e31\u0387\u1427\u119e\u2024"),
    ("'", "\u201a\u201b\u02bc\u02bb\u02b9\u02c8\u055a\u2035"),
    ('"', "\u201e\u201f\u301d\u301e\u301f\u02ba\u2036"),
    ("<", "\u2039\u27e8\u2329"), (">", "\u203a\u27e9\u232a"), ("《", "\u00ab\u27ea"), ("》", "\u00bb\u27eb"),
    ("【", "〖〘"), ("】", "〗〙"),
    ("~", "\u301c\u02dc\u2053\u3030"), ("…", "\u22ef\u22ee\ufe19"), ("|", "¦\u2758"), ("/", "\u2044\u2215"),
    ("￦", "₩"), ("￠", "¢"), ("￡", "£"), ("￥", "¥"), ("￢", "¬"), ("￣", "¯"),
    ("(C)", "©"), ("(P)", "℗"), ("\u212b", "\u00c5"), ("?!", "\u203d"), ("`", "\u02cb"),
    ("≒", "≈≅"), ("≤", "≦⩽"), ("≥", "≧⩾"), ("*", "\u2217\u2731\u2733"), ("+", "\u2795"),
    ("÷", "\u2797"),
    ("→", "\u279c\u2794\u279d\u279e\u27a1\u27f6\u21a6\u21e8\u27f9"), ("←", "\u2b05\u27f5\u21e6"),
    ("↑", "\u2b06\u21e7"), ("↓", "\u2b07\u21e9"), ("↔", "\u21c4\u21c6\u27f7"), ("⇔", "\u27fa"),
    ("▶", "\u25b8\u25ba\u27a4\u27a2\u23f5"), ("◀", "\u25c2\u25c4\u23f4"), ("▷", "\u25b9\u25bb"), ("▲", "\u25b4"),
    ("▼", "\u25be"), ("■", "\u25aa\u25fc\u25fe\u2b1b"), ("□", "\u25ab\u25fb\u25fd\u2b1c\u2610\u274f\u2751"),
    ("●", "\u26ab\u2b24\U0001f534\U0001f535"), ("○", "\u25e6\u26aa\u25ef\u274d\u2b55"), ("◆", "\u2756\u2b25"),
    ("★", "\u2b50\u2726\u272a\u272f\u2730\U0001f31f"), ("☆", "\u2727\u2729"),
    ("♥", "\u2764\u2763\U0001f9e1\U0001f49b\U0001f49a\U0001f499\U0001f49c\U0001f5a4\U0001f90d\U0001f90e"),
    ("V", "\u2713\u2714\u2611\u2705"), ("X", "\u2715\u2716\u2717\u2718\u274c\u274e\u2612"),
    ("!", "\u2757\u2755"), ("?", "\u2753\u2754"), (" ", "\u2800\u3164\uffa0\u115f\u1160"),
    ("\n", "\x0b\x0c\x85\u2028\u2029"),
)  # fmt: skip


def _signs() -> Iterator[tuple[str, str]]:
    for stands_for, group in _GROUPS:
        for sign in group:
            yield sign, stands_for


SIGNS: Mapping[str, str] = dict(_signs())
