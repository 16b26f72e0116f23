"""However many entries are held, looking at them reads as little: as the service's own role.

Under row level security a planner takes an order from an index only where no comparison could leak anything,
so each statement that reads the first few of many has to ask for the order of the whole index.
"""

from typing import Any

import psycopg

from adapters.postgres.statements import statement
from domain import limits
from domain.fair_shares import AGING
from tests.conftest import PostgresPorts, TestDatabase
from tests.contracts.test_limits import set_limit

FEW, MANY = 1_000, 40_000
# One who floods, and one who comes last with ten.
FILL = """
    WITH made AS (
        INSERT INTO jobledger.jobs (id, created_at, priority, user_id, job_type, tags, job_parameters,
            details, updated_at, due_at, version, attempt, status)
        SELECT gen_random_uuid(), now(), 5,
            CASE WHEN n > %(number)s - 10 THEN 'quiet' ELSE 'user-1' END,
            CASE WHEN n %% 2 = 0 THEN 'remote_task' ELSE 'sample_task' END, '{}', '{}',
            '{}', now(), now() - interval '1 hour' + n * interval '1 ms', 1, 0, 'pending'
        FROM generate_series(1, %(number)s) AS n
        RETURNING id, priority, due_at, job_type, user_id
    )
    INSERT INTO jobledger.outbox (available_at, job_id, priority, is_remote, share)
    SELECT due_at, id, priority, job_type = 'remote_task', ARRAY[job_type, user_id, ''] FROM made
"""
ASKED: dict[str, dict[str, Any]] = {
    "outbox/relay_fairly": {
        "limit": 100, "max_visible": 100, "aging": AGING, "sends_parameters": True, "names_entries": False,
    },
    "dispatches/hand_over_fairly": {
        "limit": 50, "max_unclaimed": 50, "aging": AGING, "compute": "modal", "claim_seconds": 600,
    },
    "outbox/share_out": {"after": "(0,0)", "until": "(9,0)", "until_block": 9, "limit": 5000},
    "standings/hold": {"user_id": "user-1", "group_key": "", "queue": "sample_task"},
    "standings/of": {"limit": 100},
}  # fmt: skip


def blocks_read(connection: psycopg.Connection[Any], name: str) -> int:
    """How many blocks the statement touches; what it did is taken back."""
    asked = dict(ASKED[name])
    if name == "standings/of":
        newest = "SELECT job_id FROM jobledger.outbox WHERE NOT is_remote ORDER BY available_at DESC LIMIT 1"
        asked["job_id"] = connection.execute(newest).fetchone()[0]  # type: ignore[index]
    explain = b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement(name)
    with connection.transaction(force_rollback=True):
        # Once to have what is looked up in catalogues in this connection's memory.
        connection.execute(explain, asked)
    with connection.transaction(force_rollback=True):
        (plan,) = connection.execute(explain, asked).fetchone()  # type: ignore[misc]
    told = plan[0]["Plan"]
    return int(told["Shared Hit Blocks"] + told["Shared Read Blocks"])


async def test_what_is_held_costs_no_more_the_more_it_is(
    postgres_ports: PostgresPorts, database: TestDatabase
) -> None:
    await set_limit(postgres_ports, limits.user("user-1"), concurrency=5)
    read: list[dict[str, int]] = []
    with (
        psycopg.connect(database.owner_url, autocommit=True) as owner,
        psycopg.connect(database.direct_url, autocommit=True) as service,
    ):
        for number in (FEW, MANY):
            owner.execute(FILL, {"number": number})
            owner.execute("VACUUM ANALYZE jobledger.outbox, jobledger.jobs")
            read.append({name: blocks_read(service, name) for name in ASKED})
    few, many = read

    assert {name: blocks for name, blocks in many.items() if blocks > few[name] * 2 + 50} == {}
