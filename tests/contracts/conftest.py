"""Each suite here runs over every set of adapters: what it says is what the port promises."""

import pytest

from tests.fakes.ports import Ports, in_memory_ports


@pytest.fixture(params=["in_memory", "postgres"])
def ports(request: pytest.FixtureRequest) -> Ports:
    if request.param == "in_memory":
        return in_memory_ports()
    chosen: Ports = request.getfixturevalue("postgres_ports")
    return chosen
