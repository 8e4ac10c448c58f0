"""Who may move a delivery, from where to where, and what the platform's log says of its end."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from academyctl.messaging.model import End, Ending, Row, State
from academyctl.stores import deliveries
from tests.deliveries.books import LEASE, PHONE, Books, digest, new


def row(books: Books, key: str) -> Row:
    found = deliveries.row(books.db, key)
    assert found is not None
    return found


def test_a_claimed_text_is_leased_by_the_databases_clock_and_says_all_that_was_given(books: Books) -> None:
    tenant = books.academy()
    with books.db.tx() as cursor:
        wanted = new("a", tenant, mode="both", kind="ATA", template_id="TPL", recipient=PHONE)
        assert deliveries.claim(cursor, [wanted], "me", LEASE) == {"a"}
    found = row(books, "a")
    assert {name: getattr(found, name) for name in vars(wanted)} == vars(wanted)
    assert (found.state, found.token, found.leased, found.attempt, found.billed) == ("CLAIMED", "me", True, 0, False)
    assert found.lease_until is not None
    assert (found.lease_until - found.created_at).total_seconds() == pytest.approx(LEASE, abs=0.01)


def test_a_key_is_claimed_once_for_ever(books: Books) -> None:
    tenant = books.academy()
    assert books.claimed(tenant, "a") == {"a"}
    assert books.claimed(tenant, "a", "b", token="you") == {"b"}
    assert (row(books, "a").token, books.balance(tenant)) == ("me", 1000 - 17)


def test_what_is_too_long_for_a_column_is_cut_and_fails_no_group(books: Books) -> None:
    tenant = books.academy()
    with books.db.tx() as cursor:
        odd = new("a", tenant, sender="0" * 99, template_id="T" * 999, message_id="m" * 999)
        assert deliveries.claim(cursor, [odd, new("b", tenant)], "me", LEASE) == {"a", "b"}
    assert len(row(books, "a").sender) == 40


@pytest.mark.parametrize("state", [State.CLAIMED, State.SENDING])
def test_an_open_text_is_taken_over_when_its_lease_is_dead_and_not_before(books: Books, state: State) -> None:
    tenant = books.academy()
    books.claimed(tenant, "dead", "alive")
    if state is State.SENDING:
        deliveries.sending(books.db, ["dead", "alive"], "me", LEASE)
    books.expire("dead")
    with books.db.tx() as cursor:
        found = deliveries.known(cursor, ["dead", "alive", "none"], lock=True)
        assert {key: one.leased for key, one in found.items()} == {"dead": False, "alive": True}
        deliveries.take(cursor, list(found), "you", LEASE)
    assert (row(books, "dead").token, row(books, "dead").leased, row(books, "dead").state) == ("you", True, state)
    assert (row(books, "alive").token, books.balance(tenant)) == ("me", 983)


def test_a_request_begins_for_claimed_texts_that_are_ours_alone(books: Books) -> None:
    tenant = books.academy()
    books.claimed(tenant, "mine")
    books.claimed(tenant, "yours", token="you")
    keys = ["mine", "yours", "none"]
    assert deliveries.sending(books.db, keys, "me", LEASE) == {"mine"}
    assert deliveries.sending(books.db, keys, "me", LEASE) == set()
    found = row(books, "mine")
    assert (found.state, found.attempt, found.fallback) == (State.SENDING, 1, False)
    assert found.sending_at is not None
    assert 0 <= found.sending_age_s < 5
    assert row(books, "yours").state is State.CLAIMED


def test_a_text_that_was_not_sent_goes_back_without_a_lease(books: Books) -> None:
    books.sending(books.academy(), "a")
    assert deliveries.back(books.db, ["a"], "me") == {"a"}
    found = row(books, "a")
    assert (found.state, found.leased, found.token, found.billed) == (State.CLAIMED, False, "", True)


def test_a_refused_alimtalk_goes_back_as_its_fallback_and_on_at_once(books: Books) -> None:
    tenant = books.academy()
    books.sending(tenant, "a")
    assert deliveries.back(books.db, ["a"], "me", fallback=True) == {"a"}
    assert (row(books, "a").fallback, row(books, "a").leased) == (True, True)
    assert deliveries.sending(books.db, ["a"], "me", LEASE, fallback=True) == {"a"}
    assert (row(books, "a").fallback, row(books, "a").attempt) == (True, 2)


def test_a_lease_is_given_up_without_a_word_about_what_was_sent(books: Books) -> None:
    tenant = books.academy()
    books.sending(tenant, "a")
    books.claimed(tenant, "b")
    assert deliveries.release(books.db, ["a", "b"], "you") == set()
    assert deliveries.release(books.db, ["a", "b"], "me") == {"a", "b"}
    assert (books.states(), row(books, "a").leased) == ({"a": "SENDING", "b": "CLAIMED"}, False)
    assert books.ended(tenant, State.SENT, "a") == set()


@pytest.mark.parametrize("end", [State.SENT, State.FAILED, State.UNKNOWN])
def test_an_end_is_written_by_the_tokens_owner_once_and_never_changed(books: Books, end: State) -> None:
    tenant = books.academy()
    books.sending(tenant, "a")
    assert books.ended(tenant, end, "a", token="you") == set()
    assert (row(books, "a").state, books.log(), len(books.entries())) == (State.SENDING, [], 1)
    assert books.ended(tenant, end, "a", reason="why") == {"a"}
    first = row(books, "a")
    for other in (State.SENT, State.FAILED, State.UNKNOWN):
        assert books.ended(tenant, other, "a", reason="late") == ({"a"} if other is end else set())
        assert books.ended(tenant, other, "a", reason="late", token="you") == set()
    assert replace(row(books, "a"), sending_age_s=first.sending_age_s) == first
    assert (first.leased, first.finished_at is not None) == (False, True)


def test_an_end_for_another_academy_is_not_written(books: Books) -> None:
    tenant, other = books.academy(), books.academy()
    books.sending(tenant, "a")
    assert books.ended(other, State.FAILED, "a") == set()
    assert (row(books, "a").state, books.balance(tenant), books.balance(other)) == (State.SENDING, 991, 1000)


def test_the_log_has_one_row_an_end_with_four_digits_of_the_number(books: Books) -> None:
    tenant = books.academy()
    with books.db.tx() as cursor:
        deliveries.claim(
            cursor,
            [new("lms", tenant, kind="LMS"), new("ata", tenant, kind="ATA", template_id="KA01TP"),
             new("no", tenant), new("fell", tenant, kind="ATA", template_id="KA01TP")],
            "me", LEASE,
        )  # fmt: skip
        deliveries.tenants(cursor, [tenant], lock=True)
        deliveries.charge_all(cursor, {tenant: [(key, 850) for key in ("lms", "ata", "no", "fell")]})
    deliveries.sending(books.db, ["lms", "ata", "no"], "me", LEASE)
    deliveries.sending(books.db, ["fell"], "me", LEASE, fallback=True)
    ends = [End(key, tenant, State.SENT, message_id=f"M{key}", group_id="G") for key in ("lms", "ata", "fell")]
    deliveries.finish(books.db, [*ends, End("no", tenant, State.FAILED, "refused_by_solapi: [1062] x")], "me")
    assert sorted(
        (one["template_summary"], one["success"], one["amount_deducted"], one["failure_reason"]) for one in books.log()
    ) == [
        ("KA01TP", True, Decimal("8.50"), ""), ("LMS", True, Decimal("8.50"), ""),
        ("SMS", False, Decimal(0), "refused_by_solapi: [1062] x"), ("SMS", True, Decimal("8.50"), ""),
    ]  # fmt: skip
    assert {(one["recipient_summary"], one["tenant_id"]) for one in books.log()} == {("0107****", tenant)}
    assert (row(books, "lms").solapi_message_id, row(books, "lms").solapi_group_id) == ("Mlms", "G")


def test_a_pretended_text_is_logged_as_such_and_costs_nothing(books: Books) -> None:
    tenant = books.academy()
    with books.db.tx() as cursor:
        deliveries.claim(cursor, [new("a", tenant)], "me", LEASE)
    deliveries.sending(books.db, ["a"], "me", LEASE)
    deliveries.finish(books.db, [End("a", tenant, State.SENT, message_id="MOCK1", free=True)], "me")
    (logged,) = books.log()
    assert (logged["success"], logged["amount_deducted"], logged["template_summary"]) == (True, Decimal(0), "MOCK SMS")
    assert books.balance(tenant) == 1000


def test_a_refusal_is_an_ended_row_and_a_log_row_and_costs_nothing(books: Books) -> None:
    tenant = books.academy()
    refused = [(new("a", tenant, kind="", recipient="010-73"), "invalid_recipient: 5 digits")]
    for _ in range(2):
        with books.db.tx() as cursor:
            deliveries.refuse(cursor, refused)
    (logged,) = books.log()
    assert (logged["success"], logged["recipient_summary"], logged["template_summary"]) == (False, "0107****", "SMS")
    assert logged["failure_reason"] == "invalid_recipient: 5 digits"
    assert (row(books, "a").state, row(books, "a").billed, books.entries()) == (State.FAILED, False, [])


def test_words_of_strangers_are_stored_whatever_they_hold(books: Books) -> None:
    tenant = books.academy()
    books.sending(tenant, "a")
    odd = {"seen": ["nul \x00 here", "half \ud800", float("inf")], "back\\u0000slash": 1}
    end = End("a", tenant, State.UNKNOWN, "x" * 999 + "\x00", "m" * 99, "g" * 99, odd)
    assert deliveries.finish(books.db, [end], "me") == {"a"}
    found = row(books, "a")
    assert found.evidence == {"seen": ["nul  here", "half ?", "inf"], "back\\u0000slash": 1}
    assert (len(found.reason), len(found.solapi_message_id)) == (500, 64)


def test_an_unknown_end_keeps_its_charge_and_is_not_logged_before_it_is_resolved(books: Books) -> None:
    tenant = books.academy()
    books.sending(tenant, "sent", "not")
    books.ended(tenant, State.UNKNOWN, "sent", "not")
    assert (books.log(), books.balance(tenant)) == ([], 983)
    values: dict[str, Any] = {"expected": State.UNKNOWN, "note": "asked the parent", "evidence": {"status": "4000"}}
    assert deliveries.resolve(books.db, "sent", sent=True, message_id="M1", **values)
    assert deliveries.resolve(books.db, "not", sent=False, **values)
    assert not deliveries.resolve(books.db, "not", sent=True, **values)
    assert books.states() == {"sent": "SENT", "not": "FAILED"}
    assert [(one["success"], one["amount_deducted"]) for one in books.log()] == [
        (True, Decimal("8.50")), (False, Decimal(0)),
    ]  # fmt: skip
    assert books.balance(tenant) == 991
    assert row(books, "not").reason == f"{Ending.RESOLVED}: asked the parent"
    assert row(books, "sent").evidence == {"status": "4000", "resolved": "asked the parent"}
    assert row(books, "sent").solapi_message_id == "M1"


def test_a_text_that_a_worker_has_or_that_has_ended_is_not_resolved(books: Books) -> None:
    tenant = books.academy()
    books.sending(tenant, "leased", "ended", "dead")
    books.ended(tenant, State.SENT, "ended")
    books.expire("dead")
    for key, expected in (
        ("leased", State.SENDING),
        ("ended", State.SENT),
        ("dead", State.UNKNOWN),
        ("none", State.UNKNOWN),
    ):
        assert not deliveries.resolve(books.db, key, sent=False, expected=expected, note="", evidence={})
    assert deliveries.resolve(books.db, "dead", sent=False, expected=State.SENDING, note="", evidence={})
    assert books.balance(tenant) == 1000 - 17


def test_twins_are_texts_of_the_window_that_did_not_fail(books: Books) -> None:
    tenant = books.academy()
    with books.db.tx() as cursor:
        same: dict[str, Any] = {"content_sha256": digest("same")}
        deliveries.claim(
            cursor, [new("first", tenant, **same), new("me", tenant, **same), new("else", tenant)], "me", LEASE
        )
        deliveries.refuse(cursor, [(new("failed", tenant, content_sha256=digest("failed")), "no")])
        wanted = [digest("same"), digest("failed"), digest("none")]
        assert deliveries.twins(cursor, wanted, 60, ["me"]) == {digest("same"): "first"}
        assert deliveries.twins(cursor, wanted, 60, ["me", "first"]) == {}
        assert deliveries.twins(cursor, wanted, 0, []) == {}
        cursor.execute("UPDATE academyctl_message_delivery SET created_at = created_at - interval '61 s'")
        assert deliveries.twins(cursor, wanted, 60, ["me"]) == {}


def test_what_goes_out_now_replaces_what_was_composed_before(books: Books) -> None:
    tenant = books.academy()
    books.claimed(tenant, "a")
    books.sending(tenant, "b")
    with books.db.tx() as cursor:
        deliveries.recompose(cursor, [new(key, tenant, kind="LMS", sender="070", price=1) for key in "ab"])
    assert (row(books, "a").kind, row(books, "a").sender, row(books, "a").price_cents) == ("LMS", "070", 850)
    assert row(books, "b").kind == "SMS"


def test_deliveries_are_found_by_academy_state_and_time_newest_first(books: Books) -> None:
    mine, other = books.academy(), books.academy()
    books.sending(mine, "a", "b", "c")
    books.sending(other, "d")
    books.ended(mine, State.FAILED, "b")
    assert {one.key for one in deliveries.find(books.db)} == set("abcd")
    assert {one.key for one in deliveries.find(books.db, tenant_id=mine, states=[State.SENDING])} == {"a", "c"}
    since = row(books, "c").created_at
    assert [one.key for one in deliveries.find(books.db, since=since)] == ["d", "c"]
    assert [one.key for one in deliveries.find(books.db, limit=1)] == ["d"]


def test_an_academy_that_is_not_there_is_missing(books: Books) -> None:
    tenant = books.academy(price="8.50")
    with books.db.tx() as cursor:
        assert set(deliveries.tenants(cursor, [tenant, tenant + 1], lock=True)) == {tenant}


def test_nothing_to_do_asks_nothing(books: Books) -> None:
    with books.db.tx() as cursor:
        deliveries.refuse(cursor, [])
        deliveries.take(cursor, [], "me", LEASE)
        deliveries.reopen(cursor, [], "me", LEASE)
        deliveries.recompose(cursor, [])
        deliveries.unclaim(cursor, [], "me")
        assert deliveries.tenants(cursor, [], lock=True) == {}
        assert deliveries.known(cursor, [], lock=True) == {}
        assert deliveries.claim(cursor, [], "me", LEASE) == deliveries.charge_all(cursor, {}) == set()
    assert deliveries.sending(books.db, [], "me", LEASE) == deliveries.finish(books.db, [], "me") == set()
