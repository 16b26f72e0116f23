"""Following a job's events: server-sent events, taken up again after the last one that arrived.

The format is that of the HTML standard's event streams, of which the service uses `id` and `data`.
"""

import json
from typing import cast

import httpx

from .calls import AILING, TOO_MANY, TRIES, Reply, job_path, pause_after
from .problems import problem_of
from .shapes import Event

NO_MORE = 204


class Feed:
    """One job's events as they arrive; knows where to go on, and when to give up."""

    def __init__(self, job_id: str, after: int) -> None:
        self.path = job_path(job_id, "/events/stream")
        self._last = after
        self._failures = 0
        self._data = ""
        self._id = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"Accept": "text/event-stream", "Last-Event-ID": str(self._last)}

    def line(self, text: str) -> Event | None:
        """Take a line; the event that it completes, each exactly once and in order."""
        if text:
            name, _, value = text.partition(":")
            value = value.removeprefix(" ")
            if name == "id":
                self._id = value
            elif name == "data":
                self._data += value
            return None
        data, self._data = self._data, ""
        if not data or not self._id.isdecimal() or int(self._id) <= self._last:
            return None
        self._last, self._failures = int(self._id), 0
        return cast("Event", json.loads(data))

    def is_over(self, answer: httpx.Response) -> bool:
        """Whether the service said that the job's last event was told."""
        return answer.status_code == NO_MORE

    def pause(self, reply: Reply) -> float:
        """How long to wait before going on; raises what happened when that is no use, or was tried enough."""
        # Half an event that never came to its end.
        self._data = ""
        if isinstance(reply, httpx.Response):
            if reply.is_success:
                return 0.0
            if reply.status_code != TOO_MANY and reply.status_code not in AILING:
                raise problem_of(reply)
        self._failures += 1
        if self._failures >= TRIES:
            raise problem_of(reply) if isinstance(reply, httpx.Response) else reply or TimeoutError()
        return pause_after(reply, self._failures)
