"""`credit show` and `credit ledger` through the one door."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rich.cells import cell_len

from academyctl.messaging.model import State
from tests.deliveries.books import Books
from tests.video_commands.conftest import Cli


def test_show_tells_what_each_academy_can_pay_for(cli: Cli, books: Books) -> None:
    books.academy(code="alpha", name="가나다라 학원", balance=100)
    beta = books.academy(code="beta", name="B", balance=20_000)
    books.sending(beta, "a", "b")
    ran = cli("credit", "show", "-o", "json")
    assert ran.code == 0
    assert [(one["code"], one["texts"], one["charged_today"]) for one in ran.json["tenants"]] == [
        ("alpha", 11, 0), ("beta", 2350, 17),
    ]  # fmt: skip
    assert ran.json["tenants"][1] == {
        "id": beta, "code": "beta", "name": "B", "messaging_active": True, "balance": 19983, "price": "8.50",
        "texts": 2350, "charged_today": 17, "charged_30_days": 17, "owed": "17.00", "paid": 17, "entries": 2,
        "agrees": True, "differences": [],
    }  # fmt: skip
    for word in ("beta", str(beta)):
        assert [one["code"] for one in cli("credit", "show", word, "-o", "json").json["tenants"]] == ["beta"]


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_columns_stand_under_each_other_beside_korean_names(cli: Cli, books: Books, lang: str) -> None:
    books.academy(code="alpha", name="가나다라 학원", balance=100)
    books.academy(code="beta", name="B", balance=20_000)
    head, first, second = cli("--lang", lang, "credit", "show").out.rstrip().splitlines()
    ends = {cell_len(line[: line.index("8.50")] + "8.50") for line in (first, second)}
    price = "단가" if lang == "ko" else "price"
    assert ends == {cell_len(head[: head.index(price)] + price)}


def test_books_that_do_not_agree_are_an_error_with_both_sides(cli: Cli, books: Books) -> None:
    tenant = books.academy(code="alpha")
    books.claimed(tenant, "a")
    books.db.execute("UPDATE academyctl_credit_entry SET won = -8")
    ran = cli("credit", "show", "alpha")
    assert ran.code == 1
    assert "FAIL  alpha: paid, ledger in won: 9 != 8" in ran.err
    ran = cli("credit", "ledger", "alpha", "-o", "json")
    assert (ran.code, ran.json["tenant"]["agrees"]) == (1, False)


def test_the_ledger_has_every_change_and_those_from_outside(cli: Cli, books: Books) -> None:
    tenant = books.academy(code="alpha", balance=100)
    books.sending(tenant, "a", "b")
    books.ended(tenant, State.FAILED, "a")
    books.db.execute("UPDATE core_tenant SET credit_balance = credit_balance + 500")
    ran = cli("credit", "ledger", "alpha", "-o", "json")
    assert [(one["what"], one["key"], one["won"], one["balance_after"]) for one in ran.json["entries"]] == [
        ("charge", "a", -9, 91), ("charge", "b", -8, 83), ("refund", "a", 8, 91), ("outside", None, 500, 591),
    ]  # fmt: skip
    assert ran.json["sums"] == {"charge": -17, "refund": 8, "outside": 500}
    assert ran.json["more"] is False
    assert ran.json["entries"][3]["at"] is None
    shown = cli("credit", "ledger", "alpha")
    assert len(shown.out.splitlines()) == 5
    assert "charged 17, refunded 8, from outside +500; balance 591 won" in shown.err
    korean = cli("--lang", "ko", "credit", "ledger", "alpha")
    assert "외부 변경" in korean.out
    assert korean.out.encode("cp949")


def test_the_ledger_can_be_cut_by_number_and_time(cli: Cli, books: Books) -> None:
    tenant = books.academy(code="alpha", balance=100)
    books.claimed(tenant, "a", "b", "c")
    books.db.execute("UPDATE academyctl_credit_entry SET at = at - %s WHERE delivery_key = 'a'", (timedelta(days=2),))
    for words, keys, more in (
        (("--limit", 1), ["c"], True), (("--since", "1d"), ["b", "c"], False), (("--limit", 3), ["a", "b", "c"], False),
        (("--since", "1d", "--limit", 1), ["c"], True), (("--since", "7d", "--limit", 2), ["b", "c"], True),
    ):  # fmt: skip
        ran = cli("credit", "ledger", "alpha", *words, "-o", "json")
        assert ([one["key"] for one in ran.json["entries"]], ran.json["more"]) == (keys, more)
    assert "older ones are left out: --limit" in cli("credit", "ledger", "alpha", "--limit", 1).err


def test_an_academy_nobody_charged_and_one_that_does_not_exist(cli: Cli, books: Books) -> None:
    books.academy(code="alpha")
    assert "no charge and no refund" in cli("credit", "ledger", "alpha").out
    for words in (("credit", "ledger", "nobody"), ("credit", "show", "nobody")):
        ran = cli(*words)
        assert ran.code == 2
        assert "there is no academy nobody" in ran.err
    assert cli("credit", "ledger", "alpha", "--since", "soon").code == 2
