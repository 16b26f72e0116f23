"""The API over a ledger in a list: what is sealed, and when, is the test's to say."""

from dataclasses import replace

import httpx
import pytest

from entrypoints.services import Services
from tests.entrypoints.api.conftest import Client
from tests.fakes.ledger import HISTORY, ListedLedger, histories

JOBS = 50
SIZE = JOBS * len(HISTORY)


@pytest.fixture
def ledger() -> ListedLedger:
    return ListedLedger(histories(JOBS))


@pytest.fixture
async def services(services: Services, ledger: ListedLedger) -> Services:
    return replace(services, ledger=ledger)


@pytest.fixture
def auditor(as_user: Client) -> httpx.AsyncClient:
    return as_user("auditor-1", "auditor")
