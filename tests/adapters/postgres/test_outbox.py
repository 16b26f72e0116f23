"""What only PostgreSQL can get wrong about the outbox."""

import psycopg
from psycopg.rows import dict_row

from domain.identifiers import JobId
from domain.ports.outbox import RelayReport
from tests.builders import submission
from tests.conftest import PostgresPorts


async def test_an_entry_that_cannot_be_sent_is_parked_and_nothing_behind_it_waits(
    postgres_ports: PostgresPorts,
) -> None:
    changes = [submission(priority=9), submission(priority=5), submission()]
    await postgres_ports.store.append(changes)
    bad = changes[0].job_id
    with psycopg.connect(postgres_ports.owner_url, autocommit=True, row_factory=dict_row) as owner:
        # JSON that PostgreSQL keeps and PGMQ's jsonb does not take; only a hand in the database makes it.
        owner.execute("""UPDATE jobledger.jobs SET job_parameters = '"\\u0000"' WHERE id = %s""", [bad])
        report = await postgres_ports.outbox.relay(limit=10, max_visible=10)
        parked = owner.execute("SELECT source, body FROM jobledger.parked").fetchall()
    deliveries = await postgres_ports.queue.receive(limit=10, lease_seconds=5)
    sent: list[JobId | None] = [delivery.job_id for delivery in deliveries]

    assert report._replace(entries=()) == RelayReport(moved=2, next_due_at=None)
    assert sent == [changes[1].job_id, changes[2].job_id]
    assert parked == [{"source": "outbox", "body": bad}]
