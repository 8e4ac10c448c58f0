"""Our tables beside the platform's: what is missing is told and made, by whoever may; the rest stays."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from academyctl.errors import ConfigError, DatabaseAway
from academyctl.local import postgres
from academyctl.local.stack import LocalStack
from academyctl.settings import load
from academyctl.stores import Stores, own_tables
from academyctl.stores.postgres import Postgres
from tests.deliveries.books import closing, together
from tests.video_commands.conftest import Cli

TABLES = ("academyctl_message_delivery", "academyctl_credit_account", "academyctl_credit_entry")


@pytest.fixture(scope="package")
def bare_stores(stack: LocalStack, books_env: dict[str, str]) -> Iterator[Stores]:
    name = f"bare{os.getpid()}"
    postgres.create(stack.state(), name)
    stores = Stores(load({**books_env, "DB_NAME": name}).settings)
    yield stores
    stores.close()
    postgres.drop(stack.state(), name)


@pytest.fixture
def bare(bare_stores: Stores) -> Stores:
    """The platform's database before academyctl's tables."""
    bare_stores.db.execute("DROP TABLE IF EXISTS academyctl_message_delivery, academyctl_credit_account, "
                           "academyctl_credit_entry")  # fmt: skip
    return bare_stores


@pytest.fixture
def bare_cli(bare: Stores, cli: Cli) -> Cli:
    cli.set(DB_NAME=bare.settings.db.name)
    return cli


def test_what_is_missing_is_made_and_a_second_time_does_nothing(bare: Stores) -> None:
    wanted = own_tables.plan(bare.db)
    assert [part for part in wanted if part.startswith("table")] == [f"table {name}" for name in TABLES]
    assert len([part for part in wanted if part.startswith("index")]) == 5
    assert own_tables.plan(bare.db)
    assert own_tables.apply(bare.db) == wanted
    assert own_tables.plan(bare.db) == own_tables.apply(bare.db) == []
    assert not own_tables.plan(bare.db)


def test_the_file_and_what_it_makes_are_one(bare: Stores) -> None:
    own_tables.apply(bare.db)
    made = bare.db.query(
        "SELECT relname FROM pg_class WHERE relname LIKE 'academyctl%%' AND relkind IN ('r', 'i') "
        "AND relname NOT LIKE '%%_pkey' AND relname NOT LIKE '%%_key'"
    )
    assert {row["relname"] for row in made} == {part.name for part in own_tables.parts()}


def test_one_index_that_was_dropped_is_made_again_and_rows_stay(bare: Stores) -> None:
    own_tables.apply(bare.db)
    bare.db.execute("INSERT INTO academyctl_credit_account VALUES (1, 850, 9)")
    bare.db.execute("DROP INDEX academyctl_credit_entry_tenant")
    assert own_tables.apply(bare.db) == ["index academyctl_credit_entry_tenant"]
    assert bare.db.query("SELECT paid FROM academyctl_credit_account") == [{"paid": 9}]


def test_several_may_apply_at_once(bare: Stores) -> None:
    together(*[lambda: own_tables.apply(bare.db) for _ in range(4)])
    assert own_tables.plan(bare.db) == []


def test_a_table_that_another_transaction_holds_is_not_waited_for_without_end(bare: Stores) -> None:
    own_tables.apply(bare.db)
    bare.db.execute("DROP INDEX academyctl_credit_entry_tenant")
    with bare.db.tx() as holder:
        holder.execute("LOCK TABLE academyctl_credit_entry IN ROW EXCLUSIVE MODE")
        with pytest.raises(DatabaseAway) as caught:
            own_tables.apply(bare.db, lock_timeout_ms=50)
    assert "try again" in str(caught.value.remedy)


def test_who_may_not_create_tables_is_told_the_grant(bare: Stores) -> None:
    guest = f"guest{os.getpid()}"
    bare.db.execute(f"CREATE ROLE {guest} LOGIN PASSWORD 'guest'")
    settings = bare.settings.db.model_copy(update={"user": guest, "password": SecretStr("guest")})
    try:
        with closing(Postgres(settings)) as db, pytest.raises(DatabaseAway) as caught:
            own_tables.apply(db)
        assert caught.value.cause == "permission"
        assert f"GRANT CREATE, USAGE ON SCHEMA public TO {guest};" in str(caught.value.remedy)
        assert own_tables.plan(bare.db)
        bare.db.execute(f"GRANT CREATE, USAGE ON SCHEMA public TO {guest}")
        with closing(Postgres(settings)) as db:
            assert len(own_tables.apply(db)) == 8
    finally:
        bare.db.execute(f"DROP OWNED BY {guest}")
        bare.db.execute(f"DROP ROLE {guest}")


def test_a_command_that_needs_the_tables_says_how_to_make_them(bare: Stores) -> None:
    with pytest.raises(ConfigError) as caught:
        own_tables.require(bare.db)
    assert "academyctl db migrate --apply" in str(caught.value.remedy)
    own_tables.apply(bare.db)
    own_tables.require(bare.db)


def test_migrate_shows_first_and_makes_when_told(bare_cli: Cli, bare: Stores) -> None:
    dry = bare_cli("db", "migrate")
    assert dry.code == 0
    assert dry.out.count("would  create ") == 8
    assert "--apply" in dry.out
    assert own_tables.plan(bare.db)
    done = bare_cli("db", "migrate", "--apply")
    assert (done.code, done.out.count("done  create ")) == (0, 8)
    assert "undo  DROP TABLE academyctl_message_delivery, " in done.out
    assert not own_tables.plan(bare.db)
    again = bare_cli("db", "migrate", "--apply", "-o", "json")
    assert (again.json["applied"], again.json["created"], again.json["missing"]) == (False, [], [])


def test_migrate_asks_before_production_is_changed(bare_cli: Cli, bare: Stores) -> None:
    bare_cli.set(ACADEMYCTL_PRODUCTION="true")
    refused = bare_cli("db", "migrate", "--apply", "-o", "json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "needs-yes")
    assert own_tables.plan(bare.db)
    assert bare_cli("--yes", "db", "migrate", "--apply").code == 0


def test_credit_before_the_tables_are_there_says_how_to_make_them(bare_cli: Cli) -> None:
    for words in (("credit", "show"), ("credit", "ledger", "demo")):
        ran = bare_cli(*words)
        assert ran.code == 2
        assert "academyctl db migrate --apply" in ran.err
