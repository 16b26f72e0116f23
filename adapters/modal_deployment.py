"""Deploying to Modal: what is there, and what Modal's own command line does."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import modal
from modal.exception import Error, NotFoundError

from domain.errors import ComputeUnavailable, InvalidSettings

MODULE = "entrypoints.modal_app"


class ModalDeployment:
    """One app in one environment of the workspace that Modal's own settings name."""

    def __init__(self, *, app_name: str, environment: str, deadline_seconds: float) -> None:
        self._app_name = app_name
        self._environment = environment
        self._deadline_seconds = deadline_seconds

    async def is_secret_present(self, name: str, keys: Sequence[str]) -> bool:
        """Whether the secret is there and holds those keys."""
        async with self._asking():
            secret = modal.Secret.from_name(name, environment_name=self._environment, required_keys=[*keys])
            try:
                await secret.hydrate.aio()
            except (Error, ValueError) as error:
                if isinstance(error, NotFoundError) or any(key in str(error) for key in keys):
                    return False
                raise
            return True

    async def put_secret(self, name: str, values: Mapping[str, str]) -> None:
        """Make the secret, or set these of its values."""
        async with self._asking():
            await modal.Secret.objects.create.aio(
                name, dict(values), allow_existing=True, environment_name=self._environment
            )
            secret = modal.Secret.from_name(name, environment_name=self._environment)
            await secret.hydrate.aio()
            await secret.update.aio(dict(values))

    async def running_tags(self) -> dict[str, str] | None:
        """The tags of what is deployed now; None where nothing is."""
        async with self._asking():
            try:
                app = await modal.App.lookup.aio(self._app_name, environment_name=self._environment)
                return dict(await app.get_tags.aio())
            except NotFoundError:
                return None

    def deploy(self, environment: Mapping[str, str]) -> None:
        """Run `modal deploy` as an operator would, with its output; raises InvalidSettings when it fails."""
        command = [
            sys.executable, "-m", "modal", "deploy", "--env", self._environment, "-m", MODULE,
        ]  # fmt: skip
        done = subprocess.run(command, env=os.environ | dict(environment), check=False)  # noqa: S603 - our own
        if done.returncode:
            raise InvalidSettings("modal deploy failed; what it said stands above.")

    async def api_url(self) -> str:
        """Where the deployed API answers."""
        async with self._asking():
            api = modal.Function.from_name(self._app_name, "api", environment_name=self._environment)
            await api.hydrate.aio()
            url = await api.get_web_url.aio()
        return url or ""

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._deadline_seconds):
                yield
        except TimeoutError as error:
            told = f"Modal did not answer in {self._deadline_seconds:g} s."
            raise ComputeUnavailable(told) from error
        except (Error, OSError) as error:
            raise ComputeUnavailable(f"Modal cannot be asked: {error}") from error
