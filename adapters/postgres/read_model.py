"""The read model compared with its events, in pages of one snapshot each."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

import orjson
import psycopg
from psycopg.rows import tuple_row

from adapters.postgres import event_codec, view_codec
from adapters.postgres.pool import Connection, Database, fetch
from adapters.postgres.statements import statement
from domain.audit import AUDIT_TYPES
from domain.events import Actor, ActorKind, Provenance, RecordedEvent
from domain.identifiers import JobId
from domain.ports.read_model import Span, StoredJob, StoredPage
from domain.views import JobView

BEFORE_ALL = JobId("00000000-0000-0000-0000-000000000000")
AFTER_ALL = JobId("ffffffff-ffff-ffff-ffff-ffffffffffff")
NOT_READ = Actor(ActorKind.SYSTEM, "")
UNTRACED = Provenance(NOT_READ, "")

EventRow = tuple[str, int, str, int, datetime, str | None, str, str | None]


class PostgresReadModel:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def size(self) -> int:
        (row,) = await self._database.rows(statement("read_model/size"), {})
        return int(row["jobs"])

    async def nth(self, *, after: JobId | None, number: int) -> JobId | None:
        parameters = {"after": after or BEFORE_ALL, "before_it": number - 1}
        rows = await self._database.rows(statement("read_model/nth"), parameters)
        return JobId(rows[0]["id"]) if rows else None

    async def page(self, *, span: Span, limit: int) -> StoredPage:
        async with self._database.connection() as connection, one_snapshot(connection):
            return await _page(connection, span.after or BEFORE_ALL, span.through or AFTER_ALL, limit)


@asynccontextmanager
async def one_snapshot(connection: Connection) -> AsyncIterator[None]:
    """A transaction in which all is seen as of one instant.

    `jobs` is locked before the snapshot is taken: one that is swapped in later would look empty to it.
    """
    await connection.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        await connection.execute("LOCK TABLE jobledger.jobs IN ACCESS SHARE MODE")
        yield
    finally:
        await connection.execute("ROLLBACK")


async def _page(connection: Connection, after: JobId, through: JobId, limit: int) -> StoredPage:
    rows = await event_rows(connection, "events", {"after": after, "through": through, "limit": limit})
    last: JobId | None = None
    if len(rows) == limit:
        rows, last = await _whole_streams(connection, rows)
    parameters = {"after": after, "through": last or through, "limit": limit + 1}
    views = await fetch(connection, statement("read_model/views"), parameters)
    if len(views) > limit:
        # More jobs than events: somebody took events away.
        views = views[:limit]
        last = views[-1]["id"]
        rows = [row for row in rows if row[0] <= last]
    return StoredPage(_joined(rows, views), last)


async def _whole_streams(connection: Connection, rows: list[EventRow]) -> tuple[list[EventRow], JobId]:
    """The rows without the last job's, which may go on; or that one whole, where it is the only one."""
    last = rows[-1][0]
    before = [row for row in rows if row[0] != last]
    if before:
        return before, JobId(before[-1][0])
    parameters = {"job_id": last, "version": rows[-1][1]}
    return rows + await event_rows(connection, "rest_of_stream", parameters), JobId(last)


async def event_rows(connection: Connection, name: str, parameters: dict[str, Any]) -> list[EventRow]:
    # Tuples in binary: a third of the time that the rows of everything else take.
    cursor = psycopg.AsyncCursor[EventRow](connection, row_factory=tuple_row)
    await cursor.execute(statement(f"read_model/{name}"), parameters, binary=True)
    return await cursor.fetchall()


def _joined(rows: Sequence[EventRow], views: Iterable[dict[str, Any]]) -> list[StoredJob]:
    jobs = {job.job_id: job for job in stored_jobs(rows)}
    for row in views:
        jobs[row["id"]] = _with_view(jobs.get(row["id"]) or StoredJob(row["id"], [], None), row)
    return sorted(jobs.values(), key=itemgetter(0))


def stored_jobs(rows: Iterable[EventRow]) -> Iterator[StoredJob]:
    """The jobs of these events, without streams that nothing is folded of."""
    for job_id, stream in groupby(rows, itemgetter(0)):
        job = _stored_job(JobId(job_id), stream)
        if job.events or job.unreadable_events:
            yield job


def _stored_job(job_id: JobId, rows: Iterable[EventRow]) -> StoredJob:
    events: list[RecordedEvent] = []
    for _, version, kind, schema_version, at, traceparent, facts, payload in rows:
        if kind in AUDIT_TYPES:
            continue
        try:
            stored = orjson.loads(facts)
            if payload is not None:
                stored |= orjson.loads(payload)
            event = event_codec.decode_event(kind, schema_version, stored)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            wrong = f"version {version}, a {kind}, makes no sense: {error!r}"
            return StoredJob(job_id, events, None, unreadable_events=wrong)
        by = UNTRACED if traceparent is None else UNTRACED._replace(traceparent=traceparent)
        events.append(RecordedEvent(job_id, version, event, by, at))
    return StoredJob(job_id, events, None)


def _with_view(job: StoredJob, row: dict[str, Any]) -> StoredJob:
    view: JobView | None = None
    wrong = None
    try:
        view = view_codec.decode(row)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        wrong = f"the row makes no sense: {error!r}"
    return job._replace(view=view, unreadable_view=wrong)
