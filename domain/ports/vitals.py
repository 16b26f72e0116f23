"""What operators watch beside the counts: how far each step is behind, and how the store is doing."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, Protocol


class Held(NamedTuple):
    """What limits and pauses do, where there are any.

    `jobs` are due and kept from their turn, the oldest since `oldest_at`. Nothing keeps `free`, those for
    local workers; the oldest of all that nothing keeps is due since `oldest_free_at`. Both are counted up to
    1,000 for each queue, user, group and priority.
    """

    paused_queues: int
    jobs: int
    oldest_at: datetime | None
    free: int
    oldest_free_at: datetime | None


class Vitals(NamedTuple):
    """The service at `read_at`, by the store's clock; None where nothing waits or nothing is known.

    `oldest_message_at` is since when the message that waits longest for a worker is visible. `due` counts
    the outbox's due entries for local workers, `due_remote` those for remote compute, each up to 10,000 a
    priority. `oldest_uncounted_at` is the first event that statistics have not come to,
    `oldest_unsealed_at` the first that the ledger has not. The ledger holds `ledger_size` events, and a
    checkpoint was signed over the first `signed_size`. `parked` counts up to 10,000. `months_ahead` are the
    months after this one for which the store is prepared. `dead_rows` are row versions that wait for
    vacuum, by table; `oldest_transaction_at` is when the oldest one that is still open began, of those that
    we may see. `held` is None where nothing is limited or paused.
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
    held: Held | None = None

    @property
    def workable(self) -> int:
        """Due entries that workers here would have, were they let go: those that nothing holds."""
        return self.held.free if self.held else self.due

    def overdue_since(self, oldest_due_at: datetime | None) -> datetime | None:
        """Since when the relay owes something: what is due since `oldest_due_at`, but for what is held."""
        return self.held.oldest_free_at if self.held else oldest_due_at


class VitalSigns(Protocol):
    async def read(self) -> Vitals:
        """All of it at once, at a cost that does not grow with the jobs; raises StorageUnavailable."""
