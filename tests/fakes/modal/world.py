"""What a Modal workspace holds: secrets, files, images, functions, calls."""

import asyncio
import hashlib
import shlex
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from pathlib import Path

from modal_proto import api_pb2

BUILDER_VERSION = "2025.06"
MOUNTED_AT = "/root"
"""Where containers find what was deployed."""


class Stage(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"


@dataclass(slots=True, eq=False)
class Call:
    """One input of one function; `deliveries` counts how often a container was given it."""

    id: str
    function_id: str
    input: api_pb2.FunctionInput
    stage: Stage = Stage.PENDING
    result: api_pb2.GenericResult = field(default_factory=api_pb2.GenericResult)
    data_format: "api_pb2.DataFormat.ValueType" = api_pb2.DATA_FORMAT_PICKLE
    deliveries: int = 0
    task_id: str | None = None
    is_cancelled: bool = False
    data_in: list[bytes] = field(default_factory=list)
    data_out: list[api_pb2.DataChunk] = field(default_factory=list)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @property
    def input_id(self) -> str:
        return self.id.replace("fc-", "in-")


@dataclass(slots=True, eq=False)
class DeployedFunction:
    id: str
    app_id: str
    name: str
    definition: api_pb2.Function = field(default_factory=api_pb2.Function)
    pending: deque[Call] = field(default_factory=deque)

    @property
    def metadata(self) -> api_pb2.FunctionHandleMetadata:
        is_web = self.definition.webhook_config.type != api_pb2.WEBHOOK_TYPE_UNSPECIFIED
        formats = [api_pb2.DATA_FORMAT_PICKLE, api_pb2.DATA_FORMAT_CBOR]
        return api_pb2.FunctionHandleMetadata(
            function_name=self.name,
            function_type=self.definition.function_type,
            definition_id=f"de-{self.id}",
            app_id=self.app_id,
            web_url=f"https://fake--{self.name}.modal.test" if is_web else "",
            supported_input_formats=[api_pb2.DATA_FORMAT_ASGI] if is_web else formats,
            supported_output_formats=[api_pb2.DATA_FORMAT_ASGI] if is_web else formats,
            function_schema=self.definition.function_schema,
        )

    @property
    def data(self) -> api_pb2.FunctionData:
        ranked = api_pb2.FunctionData.RankedFunction(rank=0, function=self.definition)
        return api_pb2.FunctionData(
            module_name=self.definition.module_name,
            function_name=self.name,
            function_type=self.definition.function_type,
            ranked_functions=[ranked],
        )

    @property
    def max_containers(self) -> int:
        settings = self.definition.autoscaler_settings
        return settings.max_containers or self.definition.concurrency_limit or 100


@dataclass(slots=True)
class World:
    """`secrets` are by environment and name, as a user made them. Files under `hidden` are not mounted.

    `volumes` are directories by id, `committed` tells how often each was committed.
    """

    secrets: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    secret_ids: dict[str, dict[str, str]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    mounts: dict[str, list[api_pb2.MountFile]] = field(default_factory=dict)
    images: dict[str, api_pb2.Image] = field(default_factory=dict)
    apps: dict[tuple[str, str], str] = field(default_factory=dict)
    functions: dict[str, DeployedFunction] = field(default_factory=dict)
    calls: dict[str, Call] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    published: list[api_pb2.AppPublishRequest] = field(default_factory=list)
    volumes: dict[str, Path] = field(default_factory=dict)
    hidden: str | None = None
    committed: Counter[str] = field(default_factory=Counter)
    by_idempotency_key: dict[str, Call] = field(default_factory=dict)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def new_id(self, prefix: str) -> str:
        return f"{prefix}-{next(self._numbers):05d}"

    def deployed(self, name: str, app_id: str | None = None) -> DeployedFunction:
        """The function of that name, of the newest app unless an id is given."""
        found = [
            function
            for function in self.functions.values()
            if function.name == name and app_id in (None, function.app_id)
        ]
        return found[-1]

    def image_environment(self, image_id: str) -> dict[str, str]:
        """What the image's ENV commands set."""
        image = self.images[image_id]
        environment: dict[str, str] = {}
        for base in image.base_images:
            environment |= self.image_environment(base.image_id)
        for command in image.dockerfile_commands:
            if command.startswith("ENV "):
                name, _, value = command.removeprefix("ENV ").partition("=")
                environment[name] = "".join(shlex.split(value))
        return environment

    def dockerfile(self, image_id: str) -> list[str]:
        image = self.images[image_id]
        bases = [line for base in image.base_images for line in self.dockerfile(base.image_id)]
        return bases + list(image.dockerfile_commands)

    def mounted(self, function: DeployedFunction) -> dict[str, bytes]:
        """The files that the function's containers find, by their absolute names."""
        return {
            file.filename: self.files.get(file.sha256_hex, b"")
            for mount_id in function.definition.mount_ids
            for file in self.mounts[mount_id]
            if self.hidden is None or not file.filename.startswith(self.hidden)
        }

    def context_files(self, image_id: str) -> dict[str, bytes]:
        """What went into the image's building."""
        image = self.images[image_id]
        found = {file.filename: file.data for file in image.context_files}
        for base in image.base_images:
            found |= self.context_files(base.image_id)
        return found

    def calls_of(self, name: str) -> list[Call]:
        return [call for call in self.calls.values() if self.functions[call.function_id].name == name]

    def waiting(self) -> dict[str, int]:
        waiting: defaultdict[str, int] = defaultdict(int)
        for function in self.functions.values():
            waiting[function.id] += len(function.pending)
        return waiting


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
