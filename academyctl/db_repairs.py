"""Creating academyctl's own tables, as a change that is shown, done and recorded."""

from __future__ import annotations

from dataclasses import dataclass

from academyctl.stores import Stores, own_tables
from academyctl.stores.own_tables import Part


@dataclass(frozen=True)
class CreateTables:
    """Create these tables and indexes in one transaction; those that exist by then stay as they are."""

    where: str
    parts: tuple[Part, ...]

    def __str__(self) -> str:
        return f"create in {self.where}: {', '.join(str(part) for part in self.parts)}"

    def do(self, stores: Stores) -> None:
        own_tables.apply(stores.db)

    @property
    def undo(self) -> str:
        tables = [part.name for part in self.parts if part.kind == "table"]
        indexes = [part.name for part in self.parts if part.kind == "index"]
        if not tables:
            return f"DROP INDEX {', '.join(indexes)};"
        # An index goes with its table.
        return f"DROP TABLE {', '.join(tables)}; -- before the first text only: they hold what was charged"
