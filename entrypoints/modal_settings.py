"""What can be set of Modal: the part of the settings that deployments and dispatchers read."""

from pydantic import Field
from pydantic_settings import BaseSettings


class ModalSettings(BaseSettings):
    modal_app_name: str = Field("jobledger", description="The name of the app on Modal.")
    modal_max_containers: int = Field(
        10, ge=1, le=1000, description="Containers on Modal that run jobs, at most: one attempt each."
    )
    modal_max_unclaimed: int = Field(
        20, ge=1, le=1000, description="Calls to Modal that wait for a container, at most."
    )
    modal_claim_seconds: int = Field(
        300, ge=5, le=86_400, description="How long a call may wait for a container until it is looked after."
    )
    modal_timeout_seconds: int = Field(
        7200, ge=60, le=86_400, description="When Modal ends a container's attempt, at the latest."
    )
    modal_api_min_containers: int = Field(
        0, ge=0, le=100, description="Containers on Modal that serve the API even when nobody asks."
    )
    modal_api_max_containers: int = Field(
        4, ge=1, le=100, description="Containers on Modal that serve the API, at most."
    )
    modal_api_concurrency: int = Field(
        100, ge=1, le=1000, description="Requests that one container on Modal serves at once."
    )
    modal_idle_seconds: float = Field(
        5.0, gt=0, le=50, description="How long `keep_up` and `seal` on Modal look on with nothing to do."
    )
    modal_seals: bool = Field(
        False,
        description="Whether the ledger is sealed on Modal, with LEDGER_KEY in a secret of its own there.",
    )
    modal_max_connections: int = Field(
        120, ge=1, description="Connections that all containers on Modal may take together."
    )
    modal_deadline_seconds: float = Field(
        10.0, gt=0, le=300, description="How long one request to Modal may take."
    )
