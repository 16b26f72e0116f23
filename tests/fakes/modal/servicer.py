"""Modal's gRPC API, as far as deployments, calls and containers use it; everything else is UNIMPLEMENTED."""

import asyncio
import re
import time
from typing import Any

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2
from modal_proto.api_grpc import ModalClientBase

from tests.fakes.modal.faults import LoseReply, Refuse
from tests.fakes.modal.storage import UNNAMED, Storage
from tests.fakes.modal.world import BUILDER_VERSION, Call, DeployedFunction, Stage

TERMINATED = api_pb2.GenericResult.GENERIC_STATUS_TERMINATED
HEARTBEAT_SECONDS = 10.0
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


class Handlers(Storage):
    """A method a request, named like it; `container` is whose socket it came through, None for a client's."""

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
        app_id = self.world.apps.get((self._environment(request), request.name), "")
        return api_pb2.AppGetByDeploymentNameResponse(
            app_id=app_id, environment_name=self._environment(request)
        )

    async def environment_get_or_create(self, request: Any) -> Any:
        settings = api_pb2.EnvironmentSettings(image_builder_version=BUILDER_VERSION)
        metadata = api_pb2.EnvironmentMetadata(name=request.deployment_name or UNNAMED, settings=settings)
        return api_pb2.EnvironmentGetOrCreateResponse(environment_id="en-1", metadata=metadata)

    async def app_create(self, request: Any) -> Any:
        app_id = self.world.new_id("ap")
        self.world.apps[(self._environment(request), request.description)] = app_id
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
        app_id = self.world.apps.get((self._environment(request), request.app_name))
        if app_id is None:
            raise GRPCError(Status.NOT_FOUND, f"no app {request.app_name}")
        return api_pb2.AppGetOrCreateResponse(app_id=app_id)

    async def app_get_tags(self, request: Any) -> Any:
        return api_pb2.AppGetTagsResponse(tags=self.world.tags.get(request.app_id, {}))

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

    def _call(self, call_id: str) -> Call:
        call = self.world.calls.get(call_id)
        if call is None:
            raise GRPCError(Status.NOT_FOUND, f"no call {call_id}")
        return call

    # containers

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


def _serving(name: str) -> Any:
    async def serve(self: Any, stream: Any) -> None:
        await self.answer(name, stream)

    return serve


Servicer = type(
    "Servicer",
    (Handlers, ModalClientBase),
    {name: _serving(name) for name in ModalClientBase.__abstractmethods__},
)
