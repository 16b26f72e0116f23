"""Containers: the real entrypoint of Modal's client as a process, with what was deployed and nothing else."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modal_proto import api_pb2

from tests.fakes.modal.closing import ClosingServer
from tests.fakes.modal.servicer import Servicer
from tests.fakes.modal.world import Call, DeployedFunction

if TYPE_CHECKING:
    from tests.fakes.modal.server import FakeModal


@dataclass(slots=True, eq=False)
class RunningContainer:
    """One process; `running` are the calls that it was given and has not answered."""

    task_id: str
    function: DeployedFunction
    environment_name: str
    folder: Path
    running: set[Call] = field(default_factory=set)
    cancellations: "asyncio.Queue[list[str]]" = field(default_factory=asyncio.Queue)
    start_failure: api_pb2.GenericResult | None = None
    is_asking: bool = False
    is_doomed: bool = False
    process: "subprocess.Popen[bytes] | None" = None
    server: Any = None

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)


async def start(fake: "FakeModal", function: DeployedFunction, environment_name: str) -> RunningContainer:
    # Short, because a socket's name may not be long.
    folder = Path(tempfile.mkdtemp(prefix="modal-", dir="/tmp"))
    container = RunningContainer(fake.world.new_id("ta"), function, environment_name, folder)
    for name, content in fake.world.mounted(function).items():
        place = folder / name.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    (folder / "root").mkdir(exist_ok=True)
    (folder / "arguments").write_bytes(_arguments(fake, container).SerializeToString())
    container.server = ClosingServer(Servicer(fake, container))
    await container.server.start(path=str(folder / "socket"))
    with (folder / "log").open("wb") as log:
        container.process = subprocess.Popen(  # noqa: ASYNC220 - is quick, and signalled from other threads
            # Without `site`, which would find this checkout's own packages by its editable install.
            [sys.executable, "-S", "-m", "modal._container_entrypoint"],
            cwd=folder / "root",
            env=_environment(fake, container),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    return container


def _arguments(fake: "FakeModal", container: RunningContainer) -> api_pb2.ContainerArguments:
    function = container.function
    return api_pb2.ContainerArguments(
        task_id=container.task_id,
        function_id=function.id,
        app_id=function.app_id,
        function_def=function.definition,
        app_layout=fake.layout(function.app_id),
        environment_name=container.environment_name,
    )


def _environment(fake: "FakeModal", container: RunningContainer) -> dict[str, str]:
    definition = container.function.definition
    environment = fake.world.image_environment(definition.image_id)
    for secret_id in definition.secret_ids:
        environment |= fake.world.secret_ids[secret_id]
    # Where the container's volumes are mounted is elsewhere here, which whoever is told a mount is told, too.
    mounts = {
        mount.mount_path: str(fake.world.volumes[mount.volume_id]) for mount in definition.volume_mounts
    }
    environment = {name: mounts.get(value, value) for name, value in environment.items()}
    folder = container.folder
    return environment | {
        "PATH": os.defpath,
        "HOME": str(folder),
        "PYTHONPATH": os.pathsep.join([str(folder / "root"), str(fake.libraries)]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "MODAL_IS_REMOTE": "1",
        "MODAL_TASK_ID": container.task_id,
        "MODAL_SERVER_URL": f"unix://{folder / 'socket'}",
        "MODAL_CONTAINER_ARGUMENTS_PATH": str(folder / "arguments"),
        "MODAL_CONFIG_PATH": os.devnull,
    }


async def end(container: RunningContainer) -> None:
    """Kill it if it lives, and take everything of it away."""
    if container.process and container.process.poll() is None:
        container.process.kill()
        await asyncio.to_thread(container.process.wait)
    await container.server.stop()
    shutil.rmtree(container.folder, ignore_errors=True)
