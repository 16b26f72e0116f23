"""The part of Modal's gRPC API that keeps things: secrets, images, files to mount, and volumes."""

from typing import TYPE_CHECKING, Any

from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_pb2

from tests.fakes.modal.world import BUILDER_VERSION, digest

if TYPE_CHECKING:
    from tests.fakes.modal.containers import RunningContainer
    from tests.fakes.modal.server import FakeModal

SUCCESS = api_pb2.GenericResult.GENERIC_STATUS_SUCCESS
UNNAMED = "main"


class Storage:
    """A method a request, named like it; `container` is whose socket it came through, None for a client's."""

    def __init__(self, fake: "FakeModal", container: "RunningContainer | None" = None) -> None:
        self.fake = fake
        self.world = fake.world
        self.container = container

    async def secret_update(self, request: Any) -> Any:
        held = self.world.secret_ids[request.secret_id]
        held.update({update.key: update.value for update in request.updates})
        return Empty()

    async def secret_get_or_create(self, request: Any) -> Any:
        environment = self._environment(request)
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

    def _environment(self, request: Any) -> str:
        """The one that is named, or else that of the container that asks."""
        return request.environment_name or (self.container.environment_name if self.container else UNNAMED)

    @property
    def _mine(self) -> "RunningContainer":
        if self.container is None:
            raise GRPCError(Status.PERMISSION_DENIED, "only containers ask for that")
        return self.container
