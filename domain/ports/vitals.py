"""What operators watch beside the counts: how far each step is behind, and how the store is doing."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, Protocol


class Vitals(NamedTuple):
    """The service at `read_at`, by the store's clock; None where nothing waits or nothing is known.

    `oldest_message_at` is since when the message that waits longest for a worker is visible. `due` counts
    the outbox's due entries for local workers, `due_remote` those for remote compute, each up to 10,000 a
    priority. `oldest_uncounted_at` is the first event that statistics have not come to, `oldest_unsealed_at`
    the first that the ledger has not. The ledger holds `ledger_size` events, and a checkpoint was signed over
    the first `signed_size`. `parked` counts up to 10,000. `months_ahead` are the months after this one for
    which the store is prepared. `dead_rows` are row versions that wait for vacuum, by table;
    `oldest_transaction_at` is when the oldest one that is still open began, of those that we may see.
    """

    read_at: datetime
    oldest_message_at: datetime | None
    due: int
    due_remote: int
    oldest_uncounted_at: datetime | None
    oldest_unsealed_at: datetime | None
    ledger_size: int
    signed_size: int
    last_sweep_at: datetime | None
    parked: int
    months_ahead: int
    dead_rows: Mapping[str, int]
    oldest_transaction_at: datetime | None


class VitalSigns(Protocol):
    async def read(self) -> Vitals:
        """All of it at once, at a cost that does not grow with the jobs; raises StorageUnavailable."""
