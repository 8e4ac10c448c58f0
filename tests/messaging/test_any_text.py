"""Of texts made at random from everything that turns up in one: what goes out can go out."""

from __future__ import annotations

import random
import unicodedata

import pytest

from academyctl.messaging import euckr
from academyctl.messaging.compose import compose
from academyctl.messaging.hashes import content_sha256, text_sha256
from academyctl.messaging.model import Composed, Ending, Refused
from academyctl.stores.solapi_sending import Item, payload
from tests.messaging.drafting import ACADEMY, PLAIN, text
from tests.messaging.test_euckr import EMOJI

_PIECES = (
    *("가나다라마바사아자차카타파하각난닫", "학원 수업 안내", "abcXYZ0123456789", " \n\t.,!?()[]#{}", "—–•…“”‘’·※★☎"),
    "⑯⅕⁵₩€①", *EMOJI.values(), "\r\n", "\u200b", "\ufeff", "\x07", "\u00a0", "❤️", "1\ufe0f\u20e3",
)  # fmt: skip
_RARE = ("뷁", "é", "\ufffd", "न", "٣", "\u0336")


def _text(rng: random.Random) -> str:
    said = ""
    for _ in range(int(rng.expovariate(1 / 25)) + 1):
        piece = rng.choice(_PIECES)
        said += piece if rng.random() < 0.3 or piece in EMOJI.values() else rng.choice(piece)
    if rng.random() < 0.15:
        at = rng.randrange(len(said) + 1)
        said = said[:at] + rng.choice(_RARE) + said[at:]
    return unicodedata.normalize("NFD", said) if rng.random() < 0.2 else said * rng.choice((1, 1, 1, 8, 40))


def _letters(said: str) -> list[str]:
    """What must not get lost of a text, wherever rules put it."""
    return [
        one for one in unicodedata.normalize("NFC", said) if "가" <= one <= "힣" or (one.isascii() and one.isalnum())
    ]


@pytest.mark.parametrize("seed", range(8))
def test_what_goes_out_encodes_fits_and_has_lost_no_letter(seed: int) -> None:
    rng = random.Random(seed)
    endings = set()
    for _ in range(250):
        said = _text(rng)
        made = compose(text(said), ACADEMY, PLAIN)
        if isinstance(made, Refused):
            endings.add(made.ending)
            continue
        raw = made.text.encode("euc_kr")
        assert made.text_bytes == len(raw) == euckr.size(made.text)
        assert raw.decode("euc_kr") == made.text
        assert (made.kind == "SMS") == (len(raw) <= 90)
        assert len(raw) <= 2000
        assert not {unicodedata.category(one) for one in made.text if one not in "\n\t"} & {
            "Cc",
            "Cf",
            "Cs",
            "Co",
            "Cn",
        }
        kept = iter(made.text)
        assert all(letter in kept for letter in _letters(said)), said
        line = next(line.strip() for line in made.text.split("\n") if line.strip())
        assert len(made.subject.encode("euc_kr")) <= 40
        assert (made.subject == "") == (made.kind == "SMS")
        assert line.startswith(made.subject.removesuffix("…").rstrip()) or line == made.subject
        # What was cleaned is clean.
        assert euckr.clean(made.text, replace=False) == euckr.Cleaned(made.text)
    assert endings <= {Ending.EMPTY, Ending.NOT_ENCODABLE, Ending.TOO_LONG}
    assert Ending.NOT_ENCODABLE in endings


def test_solapi_is_given_the_very_text_whose_hash_the_row_keeps() -> None:
    """By that hash a text is recognised in Solapi's list: nothing on the way may strip or change it."""
    rng = random.Random(99)
    made = [one for _ in range(200) if isinstance(one := compose(text(_text(rng)), ACADEMY, PLAIN), Composed)]
    sent = payload([Item(f"k{number}", "first", one) for number, one in enumerate(made)])["messages"]
    assert [message["text"] for message in sent] == [one.text for one in made]
    assert [message.get("subject", "") for message in sent] == [one.subject for one in made]
    assert len({text_sha256(one) for one in made}) == len({one.text for one in made})


def test_every_random_text_has_a_content_hash() -> None:
    rng = random.Random(5)
    assert all(len(content_sha256(text(_text(rng)))) == 64 for _ in range(200))
