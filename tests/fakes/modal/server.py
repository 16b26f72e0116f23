"""A Modal of our own on loopback: real gRPC, real containers, for as long as a block lasts."""

import asyncio
import os
import signal
import site
import tempfile
import threading
from collections import defaultdict, deque
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from grpclib import GRPCError, Status
from grpclib.events import RecvRequest, listen
from modal._serialization import deserialize_data_format, serialize, serialize_data_format
from modal_proto import api_pb2

from tests.fakes.modal import containers
from tests.fakes.modal.closing import ClosingServer
from tests.fakes.modal.containers import RunningContainer
from tests.fakes.modal.faults import Fault
from tests.fakes.modal.servicer import TERMINATED, Servicer
from tests.fakes.modal.storage import UNNAMED
from tests.fakes.modal.world import Call, DeployedFunction, Stage, World

T = TypeVar("T")
TOKEN_ID, TOKEN_SECRET = "ak-fake", "as-fake"
CALL_SECONDS = 300.0
TIMEOUT = api_pb2.GenericResult.GENERIC_STATUS_TIMEOUT
INTERNAL_FAILURE = api_pb2.GenericResult.GENERIC_STATUS_INTERNAL_FAILURE
FAILURE = api_pb2.GenericResult.GENERIC_STATUS_FAILURE


class FakeModal:
    """A test plans `faults` by the name of a request, and may hold containers back with `runs_calls`.

    Containers whose process dies give their inputs back, and those run again, as on Modal.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, Any]] = []
        self.containers: list[RunningContainer] = []
        self.ended: list[RunningContainer] = []
        self.faults: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self.runs_calls = True
        self.forgets_results = False
        self.port = 0
        self._libraries = tempfile.TemporaryDirectory(prefix="modal-libraries-")
        self.libraries = Path(self._libraries.name)
        self._volumes = tempfile.TemporaryDirectory(prefix="modal-volumes-")
        self.volumes = Path(self._volumes.name)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: Any = None
        self._arrived: asyncio.Condition
        self._watching: asyncio.Task[None]
        self.world = World()

    # for tests, from their own thread

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_SECONDS)

    def environment(self) -> dict[str, str]:
        """What a client needs to speak to this Modal and to no other."""
        return {
            "MODAL_SERVER_URL": f"http://127.0.0.1:{self.port}",
            "MODAL_TOKEN_ID": TOKEN_ID,
            "MODAL_TOKEN_SECRET": TOKEN_SECRET,
            "MODAL_CONFIG_PATH": os.devnull,
        }

    @contextmanager
    def as_environment(self) -> Iterator[None]:
        """Let this process's clients speak to this Modal; they read it at their first use."""
        before = os.environ.copy()
        os.environ.update(self.environment())
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def asked(self, name: str) -> list[Any]:
        return [request for asked, request in self.requests if asked == name]

    def call(self, name: str, **arguments: Any) -> Call:
        """Call a deployed function, as its schedule or somebody else would."""
        return self.run(self._call(name, arguments))

    def result(self, call: Call) -> Any:
        """What the call returned, once it has; an assertion fails when it did not."""
        try:
            self.run(self._until_done(call))
        except TimeoutError:
            raise AssertionError(f"It took too long. What containers said:\n{self.said()}") from None
        assert call.result.status == api_pb2.GenericResult.GENERIC_STATUS_SUCCESS, (
            call.result.traceback or call.result.exception
        )
        return deserialize_data_format(call.result.data, call.data_format, None)

    def said(self) -> str:
        """What all containers wrote so far, for who wonders what became of a call."""
        containers = [*self.ended, *self.containers]
        return "\n".join(f"{item.function.name} {item.task_id}:\n{item.log}" for item in containers)

    def arguments(self, call: Call) -> dict[str, Any]:
        """What the call was told."""
        _, arguments = deserialize_data_format(call.input.args, api_pb2.DATA_FORMAT_PICKLE, None)
        return dict(arguments)

    def web(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> tuple[int, bytes]:
        """Ask the deployed ASGI function something."""
        return self.run(self._web(method, path, headers, body))

    def redeliver(self, call: Call) -> None:
        """Deliver an input once more, as an expired fetch lease does."""
        self.run(self._queue(call))

    def time_out(self, call: Call) -> None:
        """Let the function's timeout be over: its container is ended, and the call has failed."""
        self.run(self._end_call(call, TIMEOUT, "the function timed out"))

    def fail_internally(self, call: Call) -> None:
        self.run(self._end_call(call, INTERNAL_FAILURE, "a worker was lost"))

    def container_of(self, call: Call) -> RunningContainer:
        return next(container for container in self.containers if container.task_id == call.task_id)

    def kill(self, container: RunningContainer, number: signal.Signals = signal.SIGKILL) -> None:
        container.signal(number)

    def empty(self) -> None:
        """End all containers, and forget calls, requests and faults; what is deployed stays."""
        self.run(self._empty())

    # the server's own, on its loop

    async def start(self) -> None:
        self._arrived = asyncio.Condition()
        self._server = ClosingServer(Servicer(self))
        listen(self._server, RecvRequest, _check_token)
        await self._server.start("127.0.0.1", 0)
        self.port = self._server._server.sockets[0].getsockname()[1]
        self._watching = asyncio.create_task(self._watch_containers())

    async def stop(self) -> None:
        self._watching.cancel()
        await self._empty()
        await self._server.stop()

    def next_fault(self, name: str) -> Fault | None:
        return self.faults[name].popleft() if self.faults[name] else None

    def layout(self, app_id: str) -> api_pb2.AppLayout:
        functions = [item for item in self.world.functions.values() if item.app_id == app_id]
        others = [*self.world.images, *self.world.mounts, *self.world.secret_ids]
        return api_pb2.AppLayout(
            objects=[
                *(
                    api_pb2.Object(object_id=item.id, function_handle_metadata=item.metadata)
                    for item in functions
                ),
                *(
                    api_pb2.Object(object_id=item, volume_metadata=api_pb2.VolumeMetadata())
                    for item in self.world.volumes
                ),
                *(api_pb2.Object(object_id=object_id) for object_id in others),
            ],
            function_ids={item.name: item.id for item in functions},
        )

    def busy_containers(self, function_id: str) -> int:
        return sum(
            item.function.id == function_id and (bool(item.running) or not item.is_asking)
            for item in self.containers
        )

    async def accept(self, call: Call) -> None:
        self.world.calls[call.id] = call
        await self._queue(call)

    async def _queue(self, call: Call) -> None:
        function = self.world.functions[call.function_id]
        function.pending.append(call)
        async with self._arrived:
            self._arrived.notify_all()
        await self._scale(function)

    async def _scale(self, function: DeployedFunction) -> None:
        if not self.runs_calls or not function.pending:
            return
        mine = [item for item in self.containers if item.function is function and not item.is_doomed]
        free = sum(not item.running for item in mine)
        is_web = bool(function.definition.webhook_config.type)
        if (mine and is_web) or free >= len(function.pending) or len(mine) >= function.max_containers:
            return
        self.containers.append(await containers.start(self, function, self._environment_of(function)))

    def _environment_of(self, function: DeployedFunction) -> str:
        return next(key[0] for key, app_id in self.world.apps.items() if app_id == function.app_id)

    async def next_input(self, container: RunningContainer) -> Call | None:
        """What the container is to do next, once there is something; None when it is to leave."""
        pending = container.function.pending
        container.is_asking = True
        async with self._arrived:
            await self._arrived.wait_for(lambda: (pending and self.runs_calls) or container.is_doomed)
        container.is_asking = False
        if container.is_doomed:
            return None
        call = pending.popleft()
        call.stage, call.task_id = Stage.RUNNING, container.task_id
        call.deliveries += 1
        container.running.add(call)
        await self._scale(container.function)
        return call

    async def finish(
        self, call: Call, result: api_pb2.GenericResult, data_format: "api_pb2.DataFormat.ValueType"
    ) -> None:
        if call.stage is Stage.DONE:
            return
        call.stage, call.result, call.data_format = Stage.DONE, result, data_format
        async with call.changed:
            call.changed.notify_all()

    async def cancel(self, call: Call, *, terminate_containers: bool) -> None:
        call.is_cancelled = True
        function = self.world.functions[call.function_id]
        if call in function.pending:
            function.pending.remove(call)
        for container in self.containers:
            if call in container.running and terminate_containers:
                container.running.discard(call)
                container.signal(signal.SIGKILL)
            elif call in container.running:
                container.cancellations.put_nowait([call.input_id])
        result = api_pb2.GenericResult(status=TERMINATED, exception="the call was cancelled")
        await self.finish(call, result, api_pb2.DATA_FORMAT_PICKLE)

    async def _end_call(self, call: Call, status: Any, told: str) -> None:
        for container in self.containers:
            if call in container.running:
                container.running.discard(call)
                container.signal(signal.SIGKILL)
        result = api_pb2.GenericResult(status=status, exception=told)
        await self.finish(call, result, api_pb2.DATA_FORMAT_PICKLE)

    async def _watch_containers(self) -> None:
        while True:
            for container in list(self.containers):
                if container.process and container.process.poll() is not None:
                    await self._bury(container)
            await asyncio.sleep(0.02)

    async def _bury(self, container: RunningContainer) -> None:
        self.containers.remove(container)
        self.ended.append(container)
        if container.start_failure is not None:
            # It never came to run anything: after some tries Modal fails what it was started for.
            for call in list(container.function.pending):
                container.function.pending.remove(call)
                await self.finish(call, container.start_failure, api_pb2.DATA_FORMAT_PICKLE)
        for call in container.running:
            # Preempted or crashed: Modal runs the same input again.
            if call.stage is not Stage.DONE:
                await self._queue(call)

    async def _call(self, name: str, arguments: dict[str, Any]) -> Call:
        data = api_pb2.FunctionInput(args=serialize(((), arguments)), data_format=api_pb2.DATA_FORMAT_PICKLE)
        call = Call(self.world.new_id("fc"), self.world.deployed(name).id, data)
        await self.accept(call)
        return call

    async def _until_done(self, call: Call) -> None:
        async with call.changed:
            await call.changed.wait_for(lambda: call.stage is Stage.DONE)

    async def _web(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "https",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ["127.0.0.1", 1],
            "server": ["fake.modal.test", 443],
        }
        web = next(item for item in self.world.functions.values() if item.definition.webhook_config.type)
        data = api_pb2.FunctionInput(args=serialize(((scope,), {})), data_format=api_pb2.DATA_FORMAT_PICKLE)
        call = Call(self.world.new_id("fc"), web.id, data)
        request = {"type": "http.request", "body": body, "more_body": False}
        call.data_in = [serialize_data_format(request, api_pb2.DATA_FORMAT_ASGI)]
        await self.accept(call)
        await self._until_done(call)
        messages = [deserialize_data_format(chunk.data, chunk.data_format, None) for chunk in call.data_out]
        status = next(item["status"] for item in messages if item["type"] == "http.response.start")
        return status, b"".join(item.get("body", b"") for item in messages)

    async def _empty(self) -> None:
        for function in self.world.functions.values():
            function.pending.clear()
        for container in [*self.containers, *self.ended]:
            container.running.clear()
            await containers.end(container)
        self.containers.clear()
        self.ended.clear()
        self.world.calls.clear()
        self.requests.clear()
        self.faults.clear()
        self.runs_calls, self.forgets_results, self.world.hidden = True, False, None

    def begin(self) -> None:
        # What the image's requirements would install: everything that is installed here but this project.
        for folder in site.getsitepackages():
            for entry in Path(folder).iterdir():
                if "jobledger" not in entry.name:
                    (self.libraries / entry.name).symlink_to(entry)
        self._thread.start()
        self.run(self.start())

    def close(self) -> None:
        self.run(self.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._libraries.cleanup()
        self._volumes.cleanup()


async def _check_token(event: RecvRequest) -> None:
    metadata = event.metadata
    if (metadata.get("x-modal-token-id"), metadata.get("x-modal-token-secret")) != (TOKEN_ID, TOKEN_SECRET):
        raise GRPCError(Status.UNAUTHENTICATED, "no such token")


@contextmanager
def fake_modal() -> Iterator[FakeModal]:
    fake = FakeModal()
    fake.begin()
    try:
        yield fake
    finally:
        fake.close()


__all__ = ["UNNAMED", "FakeModal", "fake_modal"]
