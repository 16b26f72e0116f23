"""Modal's gRPC API, as far as deployments, calls and containers use it; everything else is UNIMPLEMENTED."""

import asyncio
import re
import time
from typing import TYPE_CHECKING, Any

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2
from modal_proto.api_grpc import ModalClientBase

from tests.fakes.modal.faults import LoseReply, Refuse
from tests.fakes.modal.world import BUILDER_VERSION, Call, DeployedFunction, Stage, digest

if TYPE_CHECKING:
    from tests.fakes.modal.containers import RunningContainer
    from tests.fakes.modal.server import FakeModal

SUCCESS = api_pb2.GenericResult.GENERIC_STATUS_SUCCESS
TERMINATED = api_pb2.GenericResult.GENERIC_STATUS_TERMINATED
HEARTBEAT_SECONDS = 10.0
UNNAMED = "main"
RESTRICTED = {
    "BlobCreate",
    "BlobGet",
    "ContainerHeartbeat",
    "ContainerHello",
    "FunctionGetDynamicConcurrency",
    "FunctionGetInputs",
    "FunctionPutOutputs",
    "TaskResult",
}
"""All that a container whose access to Modal is restricted may ask for: what it needs to run at all."""


class Handlers:
    """A method a request, named like it; `container` is whose socket it came through, None for a client's."""

    def __init__(self, fake: "FakeModal", container: "RunningContainer | None" = None) -> None:
        self.fake = fake
        self.world = fake.world
        self.container = container

    async def answer(self, name: str, stream: Any) -> None:
        request = await stream.recv_message()
        self.fake.requests.append((name, request))
        fault = self.fake.next_fault(name)
        if isinstance(fault, Refuse):
            raise fault.error()
        is_restricted = self.container is not None and self.container.function.definition.untrusted
        if is_restricted and name not in RESTRICTED:
            raise GRPCError(Status.PERMISSION_DENIED, f"{name} is not for restricted functions")
        handler = getattr(self, re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower(), None)
        if handler is None:
            raise GRPCError(Status.UNIMPLEMENTED, f"the fake does not know {name}")
        if name == "FunctionCallGetDataIn":
            await handler(request, stream)
            return
        if name == "FunctionMap":
            reply = await handler(request, stream.metadata.get("x-idempotency-key"))
        else:
            reply = await handler(request)
        if isinstance(fault, LoseReply):
            await asyncio.Event().wait()
        await stream.send_message(reply)

    # deployment

    async def client_hello(self, request: Any) -> Any:
        return api_pb2.ClientHelloResponse()

    async def app_get_by_deployment_name(self, request: Any) -> Any:
        app_id = self.world.apps.get((_environment(request), request.name), "")
        return api_pb2.AppGetByDeploymentNameResponse(app_id=app_id, environment_name=_environment(request))

    async def environment_get_or_create(self, request: Any) -> Any:
        settings = api_pb2.EnvironmentSettings(image_builder_version=BUILDER_VERSION)
        metadata = api_pb2.EnvironmentMetadata(name=request.deployment_name or UNNAMED, settings=settings)
        return api_pb2.EnvironmentGetOrCreateResponse(environment_id="en-1", metadata=metadata)

    async def app_create(self, request: Any) -> Any:
        app_id = self.world.new_id("ap")
        self.world.apps[(_environment(request), request.description)] = app_id
        return api_pb2.AppCreateResponse(app_id=app_id, app_page_url=f"https://modal.test/apps/{app_id}")

    async def app_get_layout(self, request: Any) -> Any:
        return api_pb2.AppGetLayoutResponse(app_layout=self.fake.layout(request.app_id))

    async def app_heartbeat(self, request: Any) -> Any:
        return Empty()

    async def app_client_disconnect(self, request: Any) -> Any:
        return Empty()

    async def app_set_tags(self, request: Any) -> Any:
        return Empty()

    async def app_publish(self, request: Any) -> Any:
        self.world.published.append(request)
        self.world.tags[request.app_id] = dict(request.tags)
        return api_pb2.AppPublishResponse(
            url=f"https://modal.test/apps/{request.name}", deployed_at=time.time()
        )

    async def app_get_or_create(self, request: Any) -> Any:
        app_id = self.world.apps.get((_environment(request), request.app_name))
        if app_id is None:
            raise GRPCError(Status.NOT_FOUND, f"no app {request.app_name}")
        return api_pb2.AppGetOrCreateResponse(app_id=app_id)

    async def app_get_tags(self, request: Any) -> Any:
        return api_pb2.AppGetTagsResponse(tags=self.world.tags.get(request.app_id, {}))

    async def secret_update(self, request: Any) -> Any:
        held = self.world.secret_ids[request.secret_id]
        held.update({update.key: update.value for update in request.updates})
        return Empty()

    async def secret_get_or_create(self, request: Any) -> Any:
        environment = _environment(request)
        if request.object_creation_type in (
            api_pb2.OBJECT_CREATION_TYPE_CREATE_OVERWRITE_IF_EXISTS,
            api_pb2.OBJECT_CREATION_TYPE_CREATE_FAIL_IF_EXISTS,
            api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING,
        ):
            self.world.secrets[(environment, request.deployment_name)] = dict(request.env_dict)
        elif request.object_creation_type != api_pb2.OBJECT_CREATION_TYPE_UNSPECIFIED:
            secret_id = self.world.new_id("st")
            self.world.secret_ids[secret_id] = dict(request.env_dict)
            return api_pb2.SecretGetOrCreateResponse(secret_id=secret_id)
        held = self.world.secrets.get((environment, request.deployment_name))
        if held is None:
            raise GRPCError(Status.NOT_FOUND, f"Secret '{request.deployment_name}' not found")
        missing = [key for key in request.required_keys if key not in held]
        if missing:
            told = f"Secret '{request.deployment_name}' is missing key(s): {', '.join(missing)}"
            raise GRPCError(Status.FAILED_PRECONDITION, told)
        secret_id = f"st-{environment}-{request.deployment_name}"
        self.world.secret_ids[secret_id] = held
        return api_pb2.SecretGetOrCreateResponse(secret_id=secret_id)

    async def volume_get_or_create(self, request: Any) -> Any:
        volume_id = f"vo-{self._environment(request)}-{request.deployment_name}"
        is_made = request.object_creation_type == api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING
        if volume_id not in self.world.volumes and not is_made:
            raise GRPCError(Status.NOT_FOUND, f"no volume {request.deployment_name}")
        self.world.volumes.setdefault(volume_id, self.fake.volumes / volume_id).mkdir(exist_ok=True)
        metadata = api_pb2.VolumeMetadata(name=request.deployment_name)
        return api_pb2.VolumeGetOrCreateResponse(volume_id=volume_id, metadata=metadata)

    async def volume_commit(self, request: Any) -> Any:
        mounts = self._mine.function.definition.volume_mounts
        if request.volume_id not in [mount.volume_id for mount in mounts]:
            raise GRPCError(Status.NOT_FOUND, f"{request.volume_id} is not mounted here")
        self.world.committed[request.volume_id] += 1
        return api_pb2.VolumeCommitResponse(skip_reload=True)

    async def image_get_or_create(self, request: Any) -> Any:
        image_id = "im-" + digest(request.image.SerializeToString(deterministic=True))[:12]
        self.world.images[image_id] = request.image
        return api_pb2.ImageGetOrCreateResponse(
            image_id=image_id,
            result=api_pb2.GenericResult(status=SUCCESS),
            metadata=api_pb2.ImageMetadata(image_builder_version=BUILDER_VERSION),
        )

    async def mount_batched_check_existence(self, request: Any) -> Any:
        missing = [sha for sha in request.sha256_hex_hashes if sha not in self.world.files]
        return api_pb2.MountBatchedCheckExistenceResponse(missing_sha256_hex_hashes=missing)

    async def mount_put_file(self, request: Any) -> Any:
        if request.WhichOneof("data_oneof") == "data":
            self.world.files[request.sha256_hex] = request.data
        return api_pb2.MountPutFileResponse(exists=request.sha256_hex in self.world.files)

    async def mount_get_or_create(self, request: Any) -> Any:
        if request.deployment_name:
            mount_id = f"mo-{request.deployment_name}"
            self.world.mounts.setdefault(mount_id, [])
        else:
            mount_id = self.world.new_id("mo")
            self.world.mounts[mount_id] = list(request.files)
        return api_pb2.MountGetOrCreateResponse(mount_id=mount_id)

    async def function_precreate(self, request: Any) -> Any:
        function = self._function(request.existing_function_id, request.app_id, request.function_name)
        return api_pb2.FunctionPrecreateResponse(function_id=function.id, handle_metadata=function.metadata)

    async def function_create(self, request: Any) -> Any:
        definition = request.function
        function = self._function(request.existing_function_id, request.app_id, definition.function_name)
        function.definition = definition
        return api_pb2.FunctionCreateResponse(
            function_id=function.id,
            function=definition,
            handle_metadata=function.metadata,
            function_data=function.data,
        )

    def _function(self, existing: str, app_id: str, name: str) -> DeployedFunction:
        for function in self.world.functions.values():
            if function.id == existing or (function.app_id, function.name) == (app_id, name):
                return function
        function = DeployedFunction(self.world.new_id("fu"), app_id, name)
        self.world.functions[function.id] = function
        return function

    # calls

    async def function_get(self, request: Any) -> Any:
        app_id = self.world.apps.get((self._environment(request), request.app_name))
        for function in self.world.functions.values():
            if function.app_id == app_id and function.name == request.object_tag:
                return api_pb2.FunctionGetResponse(
                    function_id=function.id, handle_metadata=function.metadata, function=function.data
                )
        raise GRPCError(Status.NOT_FOUND, f"no function {request.object_tag} of {request.app_name}")

    async def function_get_current_stats(self, request: Any) -> Any:
        function = self.world.functions[request.function_id]
        return api_pb2.FunctionStats(
            backlog=len(function.pending), num_total_tasks=self.fake.busy_containers(function.id)
        )

    async def function_map(self, request: Any, key: str | None) -> Any:
        # The client's own repetitions of one request carry one key, and make one call.
        call = self.world.by_idempotency_key.get(key or "")
        if call is None:
            (item,) = request.pipelined_inputs
            call = Call(self.world.new_id("fc"), request.function_id, item.input)
            if key:
                self.world.by_idempotency_key[key] = call
            await self.fake.accept(call)
        item = api_pb2.FunctionPutInputsResponseItem(idx=0, input_id=call.input_id)
        return api_pb2.FunctionMapResponse(function_call_id=call.id, pipelined_inputs=[item])

    async def function_call_from_id(self, request: Any) -> Any:
        self._call(request.function_call_id)
        return api_pb2.FunctionCallFromIdResponse(function_call_id=request.function_call_id, num_inputs=1)

    async def function_get_outputs(self, request: Any) -> Any:
        call = self._call(request.function_call_id)
        async with call.changed:
            try:
                await asyncio.wait_for(
                    call.changed.wait_for(lambda: call.stage is Stage.DONE), max(request.timeout, 0.001)
                )
            except TimeoutError:
                return api_pb2.FunctionGetOutputsResponse(num_unfinished_inputs=1)
        if self.fake.forgets_results:
            return api_pb2.FunctionGetOutputsResponse(num_unfinished_inputs=0)
        output = api_pb2.FunctionGetOutputsItem(
            result=call.result,
            input_id=call.input_id,
            data_format=call.data_format,
            task_id=call.task_id or "",
        )
        return api_pb2.FunctionGetOutputsResponse(outputs=[output], idxs=[0])

    async def function_call_cancel(self, request: Any) -> Any:
        call = self._call(request.function_call_id)
        await self.fake.cancel(call, terminate_containers=request.terminate_containers)
        return Empty()

    def _environment(self, request: Any) -> str:
        """The one that is named, or else that of the container that asks."""
        return request.environment_name or (self.container.environment_name if self.container else UNNAMED)

    def _call(self, call_id: str) -> Call:
        call = self.world.calls.get(call_id)
        if call is None:
            raise GRPCError(Status.NOT_FOUND, f"no call {call_id}")
        return call

    # containers

    @property
    def _mine(self) -> "RunningContainer":
        if self.container is None:
            raise GRPCError(Status.PERMISSION_DENIED, "only containers ask for that")
        return self.container

    async def container_hello(self, request: Any) -> Any:
        return Empty()

    async def container_heartbeat(self, request: Any) -> Any:
        try:
            input_ids = await asyncio.wait_for(self._mine.cancellations.get(), HEARTBEAT_SECONDS)
        except TimeoutError:
            return api_pb2.ContainerHeartbeatResponse()
        event = api_pb2.CancelInputEvent(input_ids=input_ids)
        return api_pb2.ContainerHeartbeatResponse(cancel_input_event=event)

    async def function_get_inputs(self, request: Any) -> Any:
        call = await self.fake.next_input(self._mine)
        if call is None:
            stop = api_pb2.FunctionGetInputsItem(kill_switch=True)
            return api_pb2.FunctionGetInputsResponse(inputs=[stop])
        item = api_pb2.FunctionGetInputsItem(
            input_id=call.input_id, input=call.input, function_call_id=call.id
        )
        return api_pb2.FunctionGetInputsResponse(inputs=[item])

    async def function_get_dynamic_concurrency(self, request: Any) -> Any:
        return api_pb2.FunctionGetDynamicConcurrencyResponse(concurrency=request.max_concurrency)

    async def function_put_outputs(self, request: Any) -> Any:
        for output in request.outputs:
            call = next(call for call in self.world.calls.values() if call.input_id == output.input_id)
            self._mine.running.discard(call)
            await self.fake.finish(call, output.result, output.data_format)
        return Empty()

    async def task_result(self, request: Any) -> Any:
        self._mine.start_failure = request.result
        return Empty()

    async def function_call_get_data_in(self, request: Any, stream: Any) -> None:
        call = self._call(request.function_call_id)
        for index, data in enumerate(call.data_in, start=1):
            if index > request.last_index:
                chunk = api_pb2.DataChunk(index=index, data=data, data_format=api_pb2.DATA_FORMAT_ASGI)
                await stream.send_message(chunk)
        async with call.changed:
            await call.changed.wait_for(lambda: call.stage is Stage.DONE)

    async def function_call_put_data_out(self, request: Any) -> Any:
        call = self._call(request.function_call_id)
        call.data_out += request.data_chunks
        async with call.changed:
            call.changed.notify_all()
        return Empty()


def _environment(request: Any) -> str:
    return request.environment_name or UNNAMED


def _serving(name: str) -> Any:
    async def serve(self: Any, stream: Any) -> None:
        await self.answer(name, stream)

    return serve


Servicer = type(
    "Servicer",
    (Handlers, ModalClientBase),
    {name: _serving(name) for name in ModalClientBase.__abstractmethods__},
)
