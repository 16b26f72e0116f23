"""Tell a job that never was from one that may lie in an archive."""

from domain.errors import JobArchived, JobNotFound
from domain.identifiers import JobId
from domain.months import month_of, told
from domain.ports.archive import ArchivedMonths


async def archived_instead(months: ArchivedMonths, missing: JobNotFound) -> JobNotFound | JobArchived:
    """The same, unless the jobs of that month were archived: then where to.

    Whose job it was, or whether it was one, only the file can tell: everybody gets the same answer.
    """
    try:
        month = month_of(JobId(missing.job_id))
    except (ValueError, OverflowError):
        return missing
    found = await months.find(month)
    return JobArchived(missing.job_id, month=told(month), file=found.file) if found else missing
