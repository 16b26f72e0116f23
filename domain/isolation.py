"""Who may run beside whom, so that a job that brings its process down does not spend others' chances."""

from collections.abc import Collection

from domain.job import Job

ISOLATED = "isolated"
"""The compute of attempts that run in a ward, a process of isolated jobs beside a worker."""

DIVISION = 12


def must_be_isolated(job: Job) -> bool:
    """Whether an earlier attempt of the job was lost: its doing, or that of whatever ran beside it."""
    return job.attempt > 0 and job.lost_attempts > 0


def chances_left(job: Job) -> int:
    """How many more attempts of the job may be lost, after the next one, before it fails."""
    return max(0, job.max_lost_attempts - job.lost_attempts)


def company(chances: int, *, most: int) -> int:
    """How many isolated jobs with `chances` left may share a process in which `most` attempts run at once.

    One for the last chance, so that no job fails for what another did, and `DIVISION` times as many for each
    chance more. A culprit takes fewer down with it each time, as in group testing by splitting, and yet
    what ran when the power went, which is isolated then, does not run one by one: with the usual three
    chances, groups of 144, 12 and 1.
    """
    # A power of a large budget would be a number that nobody needs.
    return min(most, int(DIVISION ** min(chances, 8)))


def room_for(chances: int, *, beside: Collection[Job], most: int) -> int:
    """How many more isolated jobs with `chances` left may start in a process where `beside` run.

    Only those with as many chances share one: whoever has fewer would pay for the others' larger company.
    """
    if any(chances_left(job) != chances for job in beside):
        return 0
    return max(0, company(chances, most=most) - len(beside))
