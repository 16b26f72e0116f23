"""The event store over PostgreSQL."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from adapters.postgres import event_codec, view_codec
from adapters.postgres.arrays import plain_array, text_array
from adapters.postgres.change_rows import (
    EncodedChange,
    append_columns,
    complete_columns,
    encode_changes,
    is_plain_completion,
    submit_columns,
)
from adapters.postgres.pool import Connection, Database, fetch, fetch_tuples
from adapters.postgres.shared_flush import SharedFlush
from adapters.postgres.statements import statement
from domain.errors import StorageUnavailable
from domain.events import JobCompleted, JobEvent, PersonalDataErased, Provenance, RecordedEvent
from domain.identifiers import JobId, Json, MessageId, UserId
from domain.job import Job
from domain.job_types import OutcomeTransaction
from domain.ports.event_store import Appended, AppendOutcome, Change, KeyTaken, Stale
from domain.routes import EVERYTHING_LOCAL, LOCAL, Routes
from domain.views import JobView

MAX_TRIES = 5
# Of one process; whoever comes after them is told at once to come again.
MAX_WAITING_SUBMISSIONS = 5000
# Of a call of a thousand, the first are written while the others are encoded.
SUBMISSIONS_A_STATEMENT = 250
# Several times what a statement of a few submissions takes.
PATIENCE_SECONDS = 0.01


@dataclass(slots=True, kw_only=True)
class PostgresOutcomeTransaction:
    """`after` is the job once the block has ended and everything is committed."""

    connection: psycopg.AsyncConnection[Any]
    result: Json = None
    data_references: tuple[str, ...] = ()
    after: JobView | None = None


class PostgresEventStore:
    """Concurrent callers share statements: one for submissions, one for changes.

    `transactions` are the connections that handlers hold while they work: apart, so that they never keep
    leases from being extended or outcomes from being written.
    """

    def __init__(
        self,
        database: Database,
        transactions: Database,
        *,
        code_version: str,
        routes: Routes = EVERYTHING_LOCAL,
    ) -> None:
        self._database = database
        self._transactions = transactions
        self._always = {
            "code_version": code_version,
            "routed_apart": routes.routed_apart,
            "others_are_remote": routes.default != LOCAL,
        }
        self._submissions = SharedFlush(
            self._isolating(self._submit),
            key=lambda change: change.job_id,
            limit=SUBMISSIONS_A_STATEMENT,
            in_flight=3,
            patience=PATIENCE_SECONDS,
            max_waiting=MAX_WAITING_SUBMISSIONS,
        )
        self._changes = SharedFlush(self._isolating(self._append), key=lambda change: change.job_id)
        self._completions = SharedFlush(self._isolating(self._complete), key=lambda change: change.job_id)

    async def append(self, changes: Sequence[Change]) -> list[AppendOutcome]:
        if len({change.job_id for change in changes}) < len(changes):
            raise ValueError("a job may stand in a call only once")
        flushes = [self._flush_of(change) for change in changes]
        if len(kinds := set(flushes)) == 1:
            return await kinds.pop().run(changes)
        outcomes = {
            flush: iter(
                await flush.run(
                    [change for change, its in zip(changes, flushes, strict=True) if its is flush]
                )
            )
            for flush in kinds
        }
        return [next(outcomes[flush]) for flush in flushes]

    def _flush_of(self, change: Change) -> SharedFlush[Change, AppendOutcome]:
        if change.before is None:
            return self._submissions
        return self._completions if is_plain_completion(change) else self._changes

    async def append_all(self, changes: Sequence[Change]) -> list[AppendOutcome]:
        if any(change.before for change in changes):
            raise ValueError("only submissions are recorded all or none")
        encoded = encode_changes(changes)
        for _ in range(MAX_TRIES):
            try:
                outcomes = await self._submit_together(encoded)
            except psycopg.errors.DeadlockDetected:
                continue
            if len(outcomes) == len(changes):
                return [outcomes[change.job_id] for change in changes]
        raise StorageUnavailable("A key keeps changing hands; try again.")

    async def key_holder(self, *, user_id: UserId, idempotency_key: str) -> JobView | None:
        rows = await self._database.rows(
            statement("event_store/key_holders"),
            {
                "place": "{0}",
                "user_id": text_array([user_id]),
                "job_type": text_array([None]),
                "idempotency_key": text_array([idempotency_key]),
                "held_unique_key": text_array([None]),
            },
        )
        return view_codec.decode(rows[0]) if rows else None

    @asynccontextmanager
    async def deciding(
        self,
        job_id: JobId,
        *,
        provenance: Provenance,
        settles: MessageId | None,
        decide: Callable[[Job, OutcomeTransaction], JobEvent],
    ) -> AsyncIterator[PostgresOutcomeTransaction]:
        async with self._transactions.connection() as connection, connection.transaction():
            transaction = PostgresOutcomeTransaction(connection=connection)
            yield transaction
            (row,) = await fetch(connection, statement("event_store/lock_job"), {"job_id": job_id})
            before = view_codec.decode(row)
            event = decide(before.job, transaction)
            change = Change(job_id=job_id, before=before, event=event, provenance=provenance, settles=settles)
            (outcome,) = await self._append([change], connection)
            assert isinstance(outcome, Appended), "a locked job cannot be stale"  # noqa: S101 - narrows
            transaction.after = outcome.after

    async def read_stream(
        self, job_id: JobId, *, after_version: int = 0, limit: int = 1000
    ) -> list[RecordedEvent]:
        parameters = {"job_id": job_id, "after_version": after_version, "limit": limit}
        rows = await self._database.rows(statement("event_store/read_stream"), parameters)
        return [event_codec.decode(row) for row in rows]

    async def _append(
        self, changes: Sequence[Change], connection: Connection | None = None
    ) -> list[AppendOutcome]:
        erasures = [change for change in changes if isinstance(change.event, PersonalDataErased)]
        if erasures and not connection:
            async with self._database.connection() as own, own.transaction():
                return await self._append(changes, own)
        encoded = encode_changes(changes)
        query = statement("event_store/append")
        parameters = append_columns(encoded) | self._always
        if connection:
            recorded: dict[JobId, datetime] = dict(await fetch_tuples(connection, query, parameters))
            await _erase([change for change in erasures if change.job_id in recorded], connection)
        else:
            recorded = dict(await self._database.tuples(query, parameters))
        return [
            Appended(change, recorded[change.job_id]) if change.job_id in recorded else Stale(change.job_id)
            for change in changes
        ]

    async def _complete(self, changes: Sequence[Change]) -> list[AppendOutcome]:
        parameters = (
            complete_columns(changes) | self._always | {"schema_version": JobCompleted.SCHEMA_VERSION}
        )
        rows = await self._database.tuples(statement("event_store/complete"), parameters)
        recorded: dict[JobId, datetime] = dict(rows)
        return [
            Appended(change, recorded[change.job_id]) if change.job_id in recorded else Stale(change.job_id)
            for change in changes
        ]

    async def _submit(self, changes: Sequence[Change]) -> list[AppendOutcome]:
        outcomes: dict[JobId, AppendOutcome] = {}
        left = encode_changes(changes)
        # A holder that ends between the two statements gives its key back: then the key is free to take.
        for _ in range(MAX_TRIES):
            parameters = submit_columns(left) | self._always
            rows = await self._database.rows(statement("event_store/submit"), parameters)
            recorded = {row["job_id"]: row["recorded_at"] for row in rows}
            losers = [item for item in left if item.change.job_id not in recorded]
            holders = await self._holders(losers) if losers else {}
            for item in left:
                job_id = item.change.job_id
                if job_id in recorded:
                    outcomes[job_id] = Appended(item.change, recorded[job_id])
                elif job_id in holders:
                    outcomes[job_id] = KeyTaken(holders[job_id])
            left = [item for item in losers if item.change.job_id not in holders]
            if not left:
                return [outcomes[change.job_id] for change in changes]
        raise StorageUnavailable("A key keeps changing hands; try again.")

    async def _submit_together(self, encoded: Sequence[EncodedChange]) -> dict[JobId, AppendOutcome]:
        """In a transaction that is rolled back when a key is taken; without those whose key is free again."""
        parameters = submit_columns(encoded) | self._always
        async with self._database.connection() as connection, connection.transaction() as transaction:
            rows = await fetch(connection, statement("event_store/submit"), parameters)
            recorded = {row["job_id"]: row["recorded_at"] for row in rows}
            losers = [item for item in encoded if item.change.job_id not in recorded]
            outcomes: dict[JobId, AppendOutcome] = {
                item.change.job_id: Appended(item.change, recorded[item.change.job_id])
                for item in encoded
                if item.change.job_id in recorded
            }
            if losers:
                holders = await self._holders(losers, connection)
                outcomes |= {job_id: KeyTaken(holder) for job_id, holder in holders.items()}
                raise psycopg.Rollback(transaction)
        return outcomes

    async def _holders(
        self, losers: Sequence[EncodedChange], connection: Connection | None = None
    ) -> dict[JobId, JobView]:
        views = [item.after for item in losers]
        parameters = {
            "place": plain_array(range(len(views))),
            "user_id": text_array(view.job.user_id for view in views),
            "job_type": text_array(view.job.job_type for view in views),
            "idempotency_key": text_array(view.idempotency_key for view in views),
            "held_unique_key": text_array(view.held_unique_key for view in views),
        }
        query = statement("event_store/key_holders")
        rows = (
            await fetch(connection, query, parameters)
            if connection
            else await self._database.rows(query, parameters)
        )
        return {losers[row["place"]].change.job_id: view_codec.decode(row) for row in rows}

    def _isolating(self, write: Any) -> Any:
        """One bad row costs itself: a batch that the database refuses is written row by row."""

        async def isolated(changes: Sequence[Change]) -> list[AppendOutcome | Exception]:
            for _ in range(MAX_TRIES):
                try:
                    return list(await write(changes))
                except (psycopg.DataError, psycopg.IntegrityError) as error:
                    if len(changes) == 1:
                        return [await self._refused(changes[0], error)]
                    return [result for change in changes for result in await isolated([change])]
                except psycopg.errors.DeadlockDetected:
                    continue
            raise StorageUnavailable("The database keeps finding deadlocks; try again.")

        return isolated

    async def _refused(self, change: Change, error: psycopg.Error) -> AppendOutcome | Exception:
        if not isinstance(error, psycopg.errors.UniqueViolation):
            return error
        # A retry by hand needs its unique key back, and another job holds it by now.
        (item,) = encode_changes([change])
        holder = (await self._holders([item])).get(change.job_id)
        return KeyTaken(holder) if holder else Stale(change.job_id)


async def _erase(changes: Sequence[Change], connection: Connection) -> None:
    for change in changes:
        parameters = {"job_id": change.job_id, "through_version": change.before and change.before.job.version}
        await fetch(connection, statement("event_store/erase_payloads"), parameters)
