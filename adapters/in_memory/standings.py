"""Where jobs stand, in memory."""

from adapters.in_memory.job_queue import delivery_of
from adapters.in_memory.state import InMemoryState
from adapters.in_memory.state import Message as StoredMessage
from domain.fair_shares import held_by
from domain.identifiers import JobId, MessageId
from domain.ports.standings import COUNTED_TO, Crew, Line, Message, Place, Standing
from domain.routes import LOCAL
from domain.views import JobView


class InMemoryStandings:
    def __init__(self, state: InMemoryState) -> None:
        self._state = state

    async def of(self, job_id: JobId) -> Standing | None:
        state = self._state
        state.reach()
        view = state.views.get(job_id)
        if view is None:
            return None
        now = state.clock.now()
        entry_id = next(
            (
                key
                for key, entry in state.outbox.items()
                if (entry.job_id, entry.available_at) == (job_id, view.job.due_at)
            ),
            None,
        )
        msg_id, message = self._message(view)
        is_remote = self._is_remote(entry_id, message)
        due = state.due_entries(is_remote=bool(is_remote))
        return Standing(
            view=view,
            at=now,
            place=Place.QUEUE if message else Place.OUTBOX if entry_id is not None else Place.NOWHERE,
            message=Message(message.read_ct, message.visible_at, message.compute) if message else None,
            line=self._line(view, entry_id, msg_id, is_remote=bool(is_remote)),
            oldest_due_at=min((entry.available_at for _, entry in due), default=None),
            crew=self._crew(view, is_remote),
            is_remote=bool(is_remote),
            hold=held_by(state.share_of(job_id), state.limiting(), now)
            if entry_id is not None and not message
            else None,
        )

    def _message(self, view: JobView) -> tuple[MessageId | None, StoredMessage | None]:
        state, job = self._state, view.job
        if job.lease:
            return job.lease.msg_id, state.queue.get(job.lease.msg_id)
        if job.is_waiting and job.due_at and job.due_at <= state.clock.now():
            for msg_id, message in sorted(state.queue.items()):
                if delivery_of(state, msg_id).job_id == job.id:
                    return msg_id, message
        return None, None

    def _is_remote(self, entry_id: int | None, message: StoredMessage | None) -> bool | None:
        if entry_id is not None:
            return self._state.is_remote(self._state.outbox[entry_id])
        return message.compute is not None if message else None

    def _line(
        self, view: JobView, entry_id: int | None, msg_id: MessageId | None, *, is_remote: bool
    ) -> Line:
        state, job = self._state, view.job
        now = state.clock.now()
        if not job.is_waiting or job.due_at is None or job.due_at > now:
            return Line()
        due = state.due_entries(is_remote=is_remote)
        place = next((place for place, (key, _) in enumerate(due) if key == entry_id), 0)
        higher = sum(entry.priority > job.priority for _, entry in due[:place])
        visible = [
            key
            for key, message in state.queue.items()
            if message.visible_at <= now and not message.is_set_apart and (msg_id is None or key < msg_id)
        ]
        counts = (place - higher, higher, 0 if is_remote else len(visible))
        return Line(*(min(count, COUNTED_TO + 1) for count in counts))

    def _crew(self, view: JobView, is_remote: bool | None) -> Crew:
        now = self._state.clock.now()
        living = [worker.presence for worker, until in self._state.workers.values() if until > now]
        serving = [
            worker
            for worker in living
            if view.job.job_type in worker.job_types and is_remote in (None, worker.compute != LOCAL)
        ]
        free = sum(max(worker.concurrency - worker.running, 0) for worker in serving)
        return Crew(len(living), len(serving), free)
