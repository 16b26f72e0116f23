"""What every process shows of itself: its version and its connections."""

from collections.abc import Callable

from domain.ports.health import Health, PoolUse
from entrypoints.metrics import catalogue as c
from entrypoints.metrics.catalogue import Metric
from entrypoints.metrics.tallies import Samples, Tallies

POOLS: dict[Metric, Callable[[PoolUse], float]] = {
    c.POOL_CONNECTIONS: lambda use: use.connections,
    c.POOL_IDLE: lambda use: use.idle,
    c.POOL_WAITING: lambda use: use.waiting,
    c.POOL_WAITS: lambda use: use.waits,
    c.POOL_WAITED: lambda use: use.waited_seconds,
    c.POOL_FAILURES: lambda use: use.failures,
}


def watch_process(tallies: Tallies, health: Health, *, version: str) -> None:
    tallies.watch_each(c.BUILD, lambda: {(version,): 1})
    for metric, value in POOLS.items():
        tallies.watch_each(metric, _by_pool(health, value))


def _by_pool(health: Health, value: Callable[[PoolUse], float]) -> Callable[[], Samples]:
    return lambda: {(name,): value(use) for name, use in health.pools().items()}
