"""Transactions over kept connections, and failures told apart."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from academyctl.errors import DatabaseAway
from academyctl.settings_model import Db
from academyctl.stores import Stores
from academyctl.stores.postgres import Postgres


def test_a_transaction_is_rolled_back_when_its_block_raises(stores: Stores) -> None:
    with pytest.raises(RuntimeError), stores.db.tx() as cursor:
        cursor.execute("UPDATE core_tenant SET owner_name = 'changed'")
        raise RuntimeError
    assert stores.db.query("SELECT 1 FROM core_tenant WHERE owner_name = 'changed'") == []


def test_a_read_only_transaction_cannot_write(stores: Stores) -> None:
    with pytest.raises(DatabaseAway) as caught, stores.db.tx(read_only=True) as cursor:
        cursor.execute("UPDATE core_tenant SET owner_name = 'changed'")
    assert "read-only" in caught.value.why


def test_connections_that_the_server_closed_are_replaced_before_use(stores: Stores) -> None:
    assert stores.db.query("SELECT 1 AS one") == [{"one": 1}]
    with stores.db.tx() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    assert stores.db.query("SELECT 1 AS one") == [{"one": 1}]


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"password": SecretStr("wrong")}, "auth"),
        ({"name": "no_such_database"}, "missing"),
        ({"port": 1}, "unreachable"),
        ({"user": "nobody_at_all"}, "auth"),
    ],
)
def test_a_wrong_setting_names_its_own_cause(stores: Stores, change: dict[str, object], cause: str) -> None:
    with pytest.raises(DatabaseAway) as caught:
        Postgres(stores.settings.db.model_copy(update=change)).query("SELECT 1")
    assert caught.value.cause == cause
    assert caught.value.remedy


def test_another_database_is_a_schema_problem(stores: Stores) -> None:
    other: Db = stores.settings.db.model_copy(update={"name": "postgres"})
    with pytest.raises(DatabaseAway) as caught:
        Postgres(other).query("SELECT 1 FROM video_video")
    assert caught.value.cause == "schema"
