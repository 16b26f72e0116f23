"""What can be set of limits and fair shares: the part of the settings that only relays read."""

from datetime import timedelta

from pydantic import Field
from pydantic_settings import BaseSettings

from domain.fair_shares import AGING, FAIR_DEPTH
from domain.limits import EVERY, Limit, Rate, group, user


class LimitSettings(BaseSettings):
    fair_max_visible: int = Field(
        FAIR_DEPTH,
        ge=1,
        description="QUEUE_MAX_VISIBLE where anything is limited or shared: nobody passes who is visible.",
    )
    priority_aging_seconds: float = Field(
        AGING.total_seconds(),
        ge=0.001,
        le=86_400,
        description="How much longer than others a due job seems to have waited for each step of priority.",
    )
    fair_shares: bool = Field(
        False,
        description="Whether a backlog is shared between users, and a user's between groups, by weight.",
    )
    user_concurrency_limit: int | None = Field(
        None, ge=0, description="Attempts of one user queued or running at once, unless set otherwise."
    )
    user_starts_per_minute: int | None = Field(
        None, ge=1, description="Attempts of one user that start in a minute, unless set otherwise."
    )
    group_concurrency_limit: int | None = Field(
        None, ge=0, description="Attempts of one user's group queued or running at once, likewise."
    )

    @property
    def aging(self) -> timedelta:
        return timedelta(seconds=self.priority_aging_seconds)

    @property
    def default_limits(self) -> list[Limit]:
        """What holds for users and groups that have no limit of their own; inactive where nothing is set."""
        starts = self.user_starts_per_minute
        return [
            Limit(
                user(EVERY),
                concurrency=self.user_concurrency_limit,
                rate=Rate(starts, 60, max(starts // 60, 1)) if starts else None,
                weight=1 if self.fair_shares else None,
            ),
            Limit(group(EVERY, EVERY), concurrency=self.group_concurrency_limit),
        ]
