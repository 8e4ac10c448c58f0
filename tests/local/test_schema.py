"""platform.sql against what was read from the platform's own migrated database (tests/local/data)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from academyctl.errors import DatabaseAway
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores

DATA = Path(__file__).parent / "data"
FACTS: dict[str, dict[str, dict[str, Any]]] = json.loads((DATA / "schema_facts.json").read_text(encoding="utf-8"))
RULES: dict[str, Any] = json.loads((DATA / "schema_constraints.json").read_text(encoding="utf-8"))
KINDS = {"p": "primary key", "u": "unique", "f": "foreign key", "c": "check"}

_COLUMNS = """
SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type,
       NOT a.attnotnull AS "null", a.attidentity AS identity, pg_get_expr(d.adbin, d.adrelid) AS "default"
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY c.relname, a.attnum
"""
_CONSTRAINTS = """
SELECT c.relname AS table, k.conname AS name, k.contype AS kind, pg_get_constraintdef(k.oid) AS def
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE c.relnamespace = 'public'::regnamespace AND k.contype IN ('p', 'u', 'f', 'c')
"""
_INDEXES = """
SELECT tablename AS table, indexname AS name, indexdef AS def FROM pg_indexes WHERE schemaname = 'public'
"""
_SPELLED = {"timestamp with time zone": "timestamptz"}


def _type(text: str) -> str:
    text = _SPELLED.get(text, text)
    return re.sub(r"^character varying", "varchar", text)


Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def live(stack: LocalStack) -> Iterator[dict[str, Rows]]:
    """The stack's own database, looked at once."""
    stores = Stores(load(stack.env()).settings)
    yield {word: stores.db.query(sql) for word, sql in (("c", _COLUMNS), ("k", _CONSTRAINTS), ("i", _INDEXES))}
    stores.close()


def test_the_tables_are_exactly_those_of_the_platform_and_ours(live: dict[str, Rows]) -> None:
    ours = {"academyctl_message_delivery", "academyctl_credit_account", "academyctl_credit_entry"}
    assert {row["table"] for row in live["c"]} - ours == set(FACTS) == set(RULES)


@pytest.mark.parametrize("table", FACTS)
def test_columns_have_the_platforms_types_and_nulls_and_no_default(live: dict[str, Rows], table: str) -> None:
    columns = {row["column"]: row for row in live["c"] if row["table"] == table}
    assert {name: (_type(row["type"]), row["null"]) for name, row in columns.items()} == {
        name: (facts["type"], facts["null"]) for name, facts in FACTS[table].items()
    }
    assert [name for name, row in columns.items() if row["default"] is not None] == []
    by_default = "d"
    assert {name for name, row in columns.items() if row["identity"] == by_default} == {
        name for name, facts in FACTS[table].items() if facts["default"] == "identity"
    }


@pytest.mark.parametrize("table", RULES)
def test_constraints_have_the_platforms_names_and_definitions(live: dict[str, Rows], table: str) -> None:
    seen = {(KINDS[row["kind"]], row["name"], row["def"]) for row in live["k"] if row["table"] == table}
    assert seen == {(rule["kind"], rule["name"], rule["def"]) for rule in RULES[table]["constraints"]}


@pytest.mark.parametrize("table", RULES)
def test_indexes_have_the_platforms_names_and_operator_classes(live: dict[str, Rows], table: str) -> None:
    seen = {
        (row["name"], row["def"].split(" USING ", 1)[1], row["def"].startswith("CREATE UNIQUE"))
        for row in live["i"]
        if row["table"] == table
    }
    assert seen == {(index["name"], index["def"], index["unique"]) for index in RULES[table]["indexes"]}


def test_an_insert_that_leaves_out_a_required_column_is_refused(stores: Stores) -> None:
    with pytest.raises(DatabaseAway, match="null value in column") as refused:
        stores.db.execute("INSERT INTO core_tenant (name, code) VALUES ('a', 'b')")
    assert refused.value.code == "23502"


def test_a_foreign_key_is_judged_at_commit_not_before(stores: Stores) -> None:
    """Raw deletes in the wrong order pass until the transaction ends, as on the platform (contract 3)."""
    with pytest.raises(DatabaseAway, match="violates foreign key") as refused, stores.db.tx() as cursor:
        cursor.execute(
            'INSERT INTO lectures_session (created_at, updated_at, "order", title, lecture_id) '
            "VALUES (now(), now(), 1, 'a', 424242)"
        )
        reached = True
    assert reached
    assert refused.value.code == "23503"
