"""Which months were archived, in memory."""

from datetime import date

from domain.ports.archive import ArchivedMonth


class InMemoryArchivedMonths:
    def __init__(self) -> None:
        self.months: dict[date, ArchivedMonth] = {}

    async def find(self, month: date) -> ArchivedMonth | None:
        return self.months.get(month)

    async def all(self) -> list[ArchivedMonth]:
        return [self.months[month] for month in sorted(self.months)]
