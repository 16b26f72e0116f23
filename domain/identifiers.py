"""Names and small values that the whole domain speaks in."""

from typing import NewType

JobId = NewType("JobId", str)
"""A UUIDv7 in its canonical lower-case form; its first 48 bits are the submission's milliseconds."""

UserId = NewType("UserId", str)
"""The `sub` of the caller's token: a pseudonym, never a name or an address."""

WorkerId = NewType("WorkerId", str)
"""New for each worker process; a host name would outlive the process and hide its death."""

MessageId = NewType("MessageId", int)
"""PGMQ's `msg_id`."""

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
"""Any JSON value."""
