"""What statements cost the database, by EXPLAIN: their plans' nodes, and how many buffers they touch."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from django.db import connection, transaction

# PostgreSQL settles on the plan of a prepared statement after five runs; the last run counts, as every page it looks at
# has been looked at before.
RUNS = 8


@dataclass(frozen=True, slots=True)
class Cost:
    """`descents`: how often it goes down an index from its root, to find rows or to enter one that is written."""

    statement: str
    nodes: tuple[str, ...]
    buffers: int
    descents: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@transaction.atomic
def explained(statements: list[str]) -> list[Cost]:
    """Each statement's cost, in turn; nothing of what they write is kept."""
    return [_explained(one) for one in statements]


def _explained(statement: str) -> Cost:
    with connection.cursor() as cursor:
        for _ in range(RUNS):
            with transaction.atomic():
                cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}")
                told = cursor.fetchone()[0][0]["Plan"]
                transaction.set_rollback(True)
        buffers = told["Shared Hit Blocks"] + told["Shared Read Blocks"]
        return Cost(" ".join(statement.split())[:60], tuple(_nodes(told)), buffers, _descents(told, _indexes(cursor)))


def _indexes(cursor: Any) -> dict[str, int]:
    """How many indexes each table has."""
    cursor.execute("SELECT indrelid::regclass::text, count(*) FROM pg_index GROUP BY 1")
    return dict(cursor.fetchall())


def _nodes(plan: dict[str, Any]) -> list[str]:
    own = " ".join(str(plan[key]) for key in ("Node Type", "Index Name", "Relation Name") if key in plan)
    return [own, *(node for child in plan.get("Plans", ()) for node in _nodes(child))]


def _descents(plan: dict[str, Any], indexes: dict[str, int]) -> int:
    own = max(plan["Actual Loops"], plan.get("Index Searches", 0)) if "Index Name" in plan else 0
    if plan["Node Type"] == "ModifyTable":
        rows = max((child["Actual Rows"] * child["Actual Loops"] for child in plan.get("Plans", ())), default=0)
        own = indexes.get(plan["Relation Name"], 0) * rows
    return int(own) + sum(_descents(child, indexes) for child in plan.get("Plans", ()))


def compared(few: list[dict[str, Any]], many: list[dict[str, Any]]) -> tuple[int, float]:
    """Of the costs of the same statements in a small and a large study: how many have another plan, and the most
    buffers beyond one more for each way down an index, as a larger index is a level deeper. Prints them."""
    differing, most = abs(len(many) - len(few)), -math.inf
    for at_many, at_few in zip(many, few, strict=False):
        same = at_many["nodes"] == at_few["nodes"]
        differing += not same
        most = max(most, at_many["buffers"] - at_few["buffers"] - at_many["descents"])
        ways = f"{at_many['descents']} ways down an index"
        print(f"{at_few['buffers']} → {at_many['buffers']} buffers, {ways}: {at_many['statement']}…")
        if not same:
            print(f"  {at_few['nodes']} → {at_many['nodes']}")
    return differing, most
