"""Job types whose effects can be counted afterwards, each in a table of its own."""

import asyncio
import os
from typing import Any

import psycopg

from domain.identifiers import Json
from domain.job_types import JobContext, job_type
from domain.retries import RetryPolicy

SCHEMA = """
CREATE TABLE IF NOT EXISTS at_least_once (job_id uuid, attempt integer);
CREATE TABLE IF NOT EXISTS exactly_once (job_id uuid, attempt integer);
GRANT INSERT, SELECT ON at_least_once, exactly_once TO jobledger_service;
"""
# Chaos takes attempts without their fault: enough of both budgets that no job ends for that.
PATIENT = RetryPolicy(max_attempts=50, max_lost_attempts=50, first_delay_seconds=0.1, max_delay_seconds=1)


@job_type("at_least_once", retry=PATIENT)
async def at_least_once(context: JobContext, parameters: dict[str, Any]) -> Json:
    """Writes through a connection of its own, as a handler with any other service would."""
    await asyncio.sleep(parameters.get("seconds", 0))
    async with await psycopg.AsyncConnection.connect(os.environ["TRANSACTION_POOLER_URL"]) as connection:
        await connection.execute(
            "INSERT INTO at_least_once VALUES (%s, %s)", [context.job_id, context.attempt]
        )
    return None


@job_type("exactly_once", retry=PATIENT)
async def exactly_once(context: JobContext, parameters: dict[str, Any]) -> Json:
    """Writes in the transaction whose commit is the job's completion."""
    await asyncio.sleep(parameters.get("seconds", 0))
    async with context.transaction() as transaction:
        await transaction.connection.execute(
            "INSERT INTO exactly_once VALUES (%s, %s)", [context.job_id, context.attempt]
        )
        # A statement that is long enough to be killed in.
        await transaction.connection.execute("SELECT pg_sleep(0.01)")
    return None
