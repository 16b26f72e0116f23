"""No database, no network: a socket opened here is a failed test."""

from collections.abc import Iterator

import pytest
from pytest_socket import disable_socket, enable_socket

from tests.fakes.ports import InMemoryPorts, in_memory_ports


@pytest.fixture(autouse=True)
def _no_sockets() -> Iterator[None]:
    # asyncio's own loop wakes itself through a Unix socket pair.
    disable_socket(allow_unix_socket=True)
    yield
    enable_socket()


@pytest.fixture
def ports() -> InMemoryPorts:
    return in_memory_ports()
