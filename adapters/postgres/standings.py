"""Where jobs stand, in one statement each."""

from typing import Any

from adapters.postgres import view_codec
from adapters.postgres.limits import limit_of
from adapters.postgres.pool import Database
from adapters.postgres.statements import statement
from domain.fair_shares import Limiting, Share, held_by
from domain.identifiers import JobId
from domain.limits import Hold, Kind, Limit, queue
from domain.ports.standings import COUNTED_TO, Crew, Line, Message, Place, Standing

# Something is limited, if not this: no queue has this name.
SOMETHING = {queue(""): Limit(queue(""), is_paused=True)}


class PostgresStandings:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, job_id: JobId) -> Standing | None:
        parameters = {"job_id": job_id, "limit": COUNTED_TO + 1}
        rows = await self._database.rows(statement("standings/of"), parameters)
        if not rows:
            return None
        standing = _standing(rows[0])
        is_held = standing.place is Place.OUTBOX and standing.view.job.is_waiting
        return standing._replace(hold=await self._hold(standing)) if is_held else standing

    async def _hold(self, standing: Standing) -> Hold | None:
        view = standing.view
        share = Share(view.job.job_type, view.job.user_id, view.group_key or "")
        rows = await self._database.rows(statement("standings/hold"), share._asdict())
        if not rows[0]["is_limited"]:
            return None
        found = [(limit_of(row), row) for row in rows if row["kind"]]
        flying = [(limit, row["flying"]) for limit, row in found if limit.scope.kind is not Kind.QUEUE]
        of_user = max((count for limit, count in flying if limit.scope.kind is Kind.USER), default=0)
        of_group = max((count for limit, count in flying if limit.scope.kind is Kind.GROUP), default=0)
        spent = {
            share.user_scope if limit.scope.kind is Kind.USER else share.group_scope: row["spent_until"]
            for limit, row in found
            if row["spent_until"]
        }
        mine = [(share.user_id, share.group_key)] * of_group
        others = [(share.user_id, "\0")] * max(of_user - of_group, 0)
        limiting = Limiting(
            {limit.scope: limit for limit, _ in found} | SOMETHING,
            {scope: until for scope, until in spent.items() if scope},
            mine + others,
        )
        return held_by(share, limiting, rows[0]["at"])


def _standing(row: dict[str, Any]) -> Standing:
    message = None
    place = Place.NOWHERE if row["entry_id"] is None else Place.OUTBOX
    if row["found_msg_id"] is not None:
        place = Place.QUEUE
        message = Message(row["found_read_ct"], row["found_vt"], row["found_compute"])
    return Standing(
        view=view_codec.decode(row),
        at=row["at"],
        place=place,
        message=message,
        line=Line(row["of_its_priority"], row["of_higher_priority"], row["in_queue"]),
        oldest_due_at=row["oldest_due_at"],
        crew=Crew(row["living"], row["serving"], row["free_places"]),
        is_remote=row["is_remote"],
    )
