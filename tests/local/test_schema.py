"""The embedded database is the platform's: every column, constraint and index as its migrations leave them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from academyctl.stores import Stores

DATA = Path(__file__).with_name("data")
FACTS: dict[str, dict[str, Any]] = json.loads((DATA / "schema_facts.json").read_text(encoding="utf-8"))
CONSTRAINTS: dict[str, Any] = json.loads((DATA / "schema_constraints.json").read_text(encoding="utf-8"))

_COLUMNS = """
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS nullable,
       a.attidentity AS identity, pg_get_expr(d.adbin, d.adrelid) AS default_value
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
"""
# PostgreSQL 18 lists NOT NULL as constraints of their own; the platform's list is older than that.
_CONSTRAINTS = """
SELECT conname AS name, pg_get_constraintdef(oid) AS def FROM pg_constraint
WHERE conrelid = %s::regclass AND contype <> 'n'
"""
_INDEXES = "SELECT indexname AS name, indexdef AS def FROM pg_indexes WHERE tablename = %s"
_SPELLED = {"timestamp with time zone": "timestamptz"}


def spelled(found: str) -> str:
    return _SPELLED.get(found, found).replace("character varying", "varchar")


@pytest.fixture(scope="module")
def tables() -> list[str]:
    return sorted(FACTS)


def test_every_column_has_the_platforms_type_and_no_default(stores: Stores, tables: list[str]) -> None:
    for table in tables:
        seen = {row["name"]: row for row in stores.db.query(_COLUMNS, (table,))}
        assert sorted(seen) == sorted(FACTS[table]), table
        for name, fact in FACTS[table].items():
            row = seen[name]
            assert (spelled(row["type"]), row["nullable"]) == (fact["type"], fact["null"]), f"{table}.{name}"
            assert row["default_value"] is None, f"{table}.{name} has a database default"
            assert (row["identity"] == "d") == (fact["default"] == "identity"), f"{table}.{name}"


def test_every_constraint_and_index_is_the_platforms(stores: Stores, tables: list[str]) -> None:
    for table in tables:
        wanted = {entry["name"]: entry["def"] for entry in CONSTRAINTS[table]["constraints"]}
        assert {row["name"]: row["def"] for row in stores.db.query(_CONSTRAINTS, (table,))} == wanted, table
        found = stores.db.query(_INDEXES, (table,))
        indexes = {row["name"]: row["def"].split(" USING ", 1)[1] for row in found}
        assert indexes == {entry["name"]: entry["def"] for entry in CONSTRAINTS[table]["indexes"]}, table
        unique = {row["name"] for row in found if row["def"].startswith("CREATE UNIQUE")}
        assert unique == {entry["name"] for entry in CONSTRAINTS[table]["indexes"] if entry["unique"]}, table


def test_foreign_keys_wait_for_the_commit(stores: Stores) -> None:
    """Rows may be written in any order inside a transaction, as Django does."""
    defs = [
        row["def"] for table in FACTS for row in stores.db.query(_CONSTRAINTS, (table,)) if "FOREIGN KEY" in row["def"]
    ]
    assert len(defs) > 20
    assert all(one.endswith("DEFERRABLE INITIALLY DEFERRED") for one in defs)
