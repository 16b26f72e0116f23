"""Whether the service lives, and whether it reaches its database."""

from fastapi import APIRouter, Request

from entrypoints.api.answers import ProblemOut

router = APIRouter(tags=["health"])


@router.get("/health", operation_id="health")
async def health() -> dict[str, str]:
    """The process answers; nothing else is asked."""
    return {"status": "ok"}


@router.get("/health/db", operation_id="health_db", responses={503: {"model": ProblemOut}})
async def health_db(request: Request) -> dict[str, str]:
    """A query got through to the database; 503 when none does."""
    await request.app.state.services.health.check()
    return {"status": "ok"}
