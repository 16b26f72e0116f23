"""The least that a FastAPI route for submissions can do: a body, and at most one INSERT."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool
from pydantic import BaseModel


class Body(BaseModel):
    job_type: str
    job_parameters: dict[str, Any]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    url = os.environ["BARE_DATABASE_URL"]
    async with AsyncConnectionPool(
        url, min_size=8, max_size=8, kwargs={"autocommit": True}, open=False
    ) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/bare", status_code=202)
async def bare(body: Body) -> dict[str, int]:
    return {"id": len(body.job_type)}


@app.post("/insert", status_code=202)
async def insert(body: Body, request: Request) -> dict[str, int]:
    async with request.app.state.pool.connection() as connection:
        cursor = await connection.execute(
            "INSERT INTO bare (payload) VALUES (%s) RETURNING id", [Jsonb(body.model_dump())]
        )
        (row_id,) = await cursor.fetchone()
    return {"id": row_id}
