"""Schedules in PostgreSQL."""

from datetime import datetime
from typing import Any

from adapters.postgres import json_text
from adapters.postgres.audit_trail import PostgresAuditTrail
from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.events import Actor, ActorKind, Provenance
from domain.identifiers import JobId, UserId
from domain.ports.schedules import ScheduleRecord
from domain.schedules import (
    Definition,
    JobTemplate,
    MissedRuns,
    Overlap,
    Schedule,
    ScheduleEvent,
    ScheduleId,
)


class PostgresSchedules:
    """Events are written as the audit trail's are."""

    def __init__(self, database: Database, audit: PostgresAuditTrail) -> None:
        self._database = database
        self._audit = audit

    async def append(self, after: Schedule, event: ScheduleEvent, provenance: Provenance) -> bool:
        parameters = _row(after) | self._audit.row(event, provenance)
        return bool(await self._database.rows(statement("schedules/append"), parameters))

    async def get(self, schedule_id: ScheduleId) -> Schedule | None:
        rows = await self._database.rows(statement("schedules/get"), {"id": schedule_id})
        return _schedule(rows[0]) if rows else None

    async def of_user(self, user_id: UserId) -> list[Schedule]:
        rows = await self._database.rows(statement("schedules/of_user"), {"user_id": user_id})
        return [_schedule(row) for row in rows]

    async def due(self, *, at: datetime, limit: int) -> list[Schedule]:
        rows = await self._database.rows(statement("schedules/due"), {"at": at, "limit": limit})
        return [_schedule(row) for row in rows]

    async def advance(self, before: Schedule, after: Schedule) -> bool:
        parameters = {
            "id": before.id,
            "version": before.version,
            "was_next_at": before.next_at,
            "next_at": after.next_at,
            "last_job_id": after.last_job_id,
        }
        return bool(await self._database.rows(statement("schedules/advance"), parameters))

    async def history(self, schedule_id: ScheduleId) -> list[ScheduleRecord]:
        rows = await self._database.rows(statement("schedules/history"), {"id": schedule_id})
        return [
            ScheduleRecord(
                row["version"],
                row["type"],
                json_text.take_all(row["facts"] | (row["payload"] or {})),
                Actor(ActorKind(row["actor_kind"]), row["actor_id"]),
                row["recorded_at"],
            )
            for row in rows
        ]


def _row(schedule: Schedule) -> dict[str, Any]:
    definition = schedule.definition
    template: dict[str, Any] = definition.template._asdict() | {"tags": list(definition.template.tags)}
    json_text.put(template, "job_parameters", template.pop("job_parameters"))
    return {
        "id": schedule.id,
        "user_id": schedule.user_id,
        "cron": definition.cron,
        "time_zone": definition.time_zone,
        "missed_runs": definition.missed_runs.value,
        "overlap": definition.overlap.value,
        "template": json_text.canonical(template),
        "created_at": schedule.created_at,
        "version": schedule.version,
        "next_at": schedule.next_at,
        "last_job_id": schedule.last_job_id,
        "is_paused": schedule.is_paused,
        "is_removed": schedule.is_removed,
    }


def _schedule(row: dict[str, Any]) -> Schedule:
    template = row["template"]
    return Schedule(
        id=ScheduleId(row["id"]),
        user_id=UserId(row["user_id"]),
        definition=Definition(
            cron=row["cron"],
            time_zone=row["time_zone"],
            template=JobTemplate(
                job_type=template["job_type"],
                job_parameters=json_text.take(template, "job_parameters"),
                priority=template["priority"],
                max_attempts=template["max_attempts"],
                timeout_seconds=template["timeout_seconds"],
                tags=tuple(template["tags"]),
                group_key=template.get("group_key"),
            ),
            missed_runs=MissedRuns(row["missed_runs"]),
            overlap=Overlap(row["overlap"]),
        ),
        created_at=row["created_at"],
        version=row["version"],
        next_at=row["next_at"],
        last_job_id=JobId(row["last_job_id"]) if row["last_job_id"] else None,
        is_paused=row["is_paused"],
        is_removed=row["is_removed"],
    )
