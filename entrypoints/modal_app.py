"""The app on Modal: the API, one call an attempt, and what keeps them up.

`jobledger deploy`, or `modal deploy -m entrypoints.modal_app`. This module runs on the machine that deploys
and again in every container, and must declare the same objects in both: it reads the environment, which the
image carries along, and no settings; what is heavy is imported where it is used.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import modal

from entrypoints.modal_plan import (
    CHECKPOINTS,
    CHECKPOINTS_AT,
    DATABASE,
    IDENTITY,
    LEDGER,
    carried_environment,
    is_on,
    schema_tag,
)

if TYPE_CHECKING:
    from fastapi import FastAPI

    import entrypoints.modal_container

if __name__ != "entrypoints.modal_app":
    # By its path it would be there twice: as `modal_app` beside the package, and in it.
    raise ImportError("Deploy it as a module: modal deploy -m entrypoints.modal_app")

ROOT = Path(__file__).parent.parent
PACKAGES = ("domain", "adapters", "entrypoints")
PYTHON = "3.11"
APP_NAME = os.environ.get("MODAL_APP_NAME") or "jobledger"
JOB_PACKAGES = sorted(
    {name.strip().split(".")[0] for name in os.environ.get("JOB_MODULES", "").split(",") if name.strip()}
    - {*PACKAGES}
)


def _number(name: str, default: int) -> int:
    return int(os.environ.get(name) or default)


SEALS = is_on("MODAL_SEALS")
UNUSED = ["**/__pycache__/**", "**/*.pyc"]

installed = modal.Image.debian_slim(python_version=PYTHON).pip_install_from_requirements(
    # With their hashes, as everywhere.
    str(ROOT / "requirements.txt")
)
# Last, because packages are mounted and not built in; with everything that belongs to them, `.sql` too.
image = installed.env(carried_environment()).add_local_python_source(*PACKAGES, *JOB_PACKAGES, ignore=UNUSED)

database, identity, ledger = (
    modal.Secret.from_name(plan.name, required_keys=[*plan.keys]) for plan in (DATABASE, IDENTITY, LEDGER)
)

# Everything that a container imports of ours is added above. The tag tells the next deployment which schema
# the running containers know.
app = modal.App(APP_NAME, image=image, secrets=[database], include_source=False, tags=schema_tag(ROOT))

if not modal.is_local():
    # At the start and not at the first call: what was not deployed stops a container then and not call after
    # call, and Modal starts another until a deployment has mended it.
    import entrypoints.modal_container

_container: "entrypoints.modal_container.Container | None" = None


def _this_container() -> "entrypoints.modal_container.Container":
    global _container  # noqa: PLW0603 - a container runs all its calls on one loop, and shares one pool
    if _container is None:
        _container = entrypoints.modal_container.Container()
    return _container


JOBS: dict[str, Any] = {
    # Attempts are counted in our database: a retry of Modal's would be one that nobody recorded.
    "retries": 0,
    "timeout": _number("MODAL_TIMEOUT_SECONDS", 7200),
    "max_containers": _number("MODAL_MAX_CONTAINERS", 10),
    # Otherwise users' functions could have Modal start something else there, with the ledger's key in it.
    "restrict_modal_access": SEALS,
}


@app.function(**JOBS)
async def process_job(
    job_id: str,
    job_type: str,  # noqa: ARG001 - see below
    user_id: str,  # noqa: ARG001 - see below
    job_parameters: Any = None,  # noqa: ARG001 - see below
    msg_id: int | None = None,
    read_ct: int | None = None,
    **_later: Any,
) -> dict[str, Any]:
    """Run one attempt at a job, under the message that the dispatcher made for this call.

    Only `job_id`, `msg_id` and `read_ct` decide; the others are for people who look at the call. What a later
    version tells besides is ignored: for a while both are at work.
    """
    return await _this_container().run_job(
        job_id=job_id, msg_id=msg_id, read_ct=read_ct, call_id=modal.current_function_call_id()
    )


@app.function(**JOBS)
async def process_sample_job(
    job_id: str,
    job_type: str,  # noqa: ARG001 - see process_job
    user_id: str,  # noqa: ARG001 - see process_job
    job_parameters: Any = None,  # noqa: ARG001 - see process_job
) -> dict[str, Any]:
    """As `process_job`, for clients that know a job and no message; it may be called for any job type."""
    return await _this_container().run_job(
        job_id=job_id, msg_id=None, read_ct=None, call_id=modal.current_function_call_id()
    )


BRIEF: dict[str, Any] = {
    "retries": 0,
    "timeout": 300,
    "max_containers": 1,
    # Called every minute for seconds: kept for the next call, as is the default, they would cost all of it.
    "scaledown_window": 2,
}


# A Period starts anew with each deployment; jobs are not lost meanwhile, only found later.
@app.function(schedule=modal.Period(minutes=15), retries=0, timeout=900, max_containers=1)
async def recover_orphaned_jobs() -> dict[str, Any]:
    """Take up stuck and orphaned jobs, and calls that came to nothing."""
    return await _this_container().recover()


@app.function(schedule=modal.Period(minutes=1), **BRIEF)
async def keep_up() -> dict[str, Any]:
    """Relay and dispatch while there is work. The API calls this after a submission, too."""
    return await _this_container().keep_up()


if SEALS:

    @app.function(
        # Without users' packages, and with what nobody else may have.
        image=installed.env(
            carried_environment("JOB_MODULES") | {"CHECKPOINT_DIRECTORY": CHECKPOINTS_AT}
        ).add_local_python_source(*PACKAGES, ignore=UNUSED),
        secrets=[ledger],
        volumes={CHECKPOINTS_AT: modal.Volume.from_name(CHECKPOINTS, create_if_missing=True)},
        schedule=modal.Period(minutes=1),
        **BRIEF,
    )
    async def seal() -> dict[str, Any]:
        """Seal what was recorded, and sign it. `keep_up` calls this when it finds that something was, too."""
        from entrypoints import modal_sealer  # noqa: PLC0415 - in its containers only

        return await modal_sealer.seal()


@app.function(
    secrets=[identity],
    # The longest there is: requests are bounded by REQUEST_TIMEOUT_SECONDS, and a stream of events may last.
    timeout=86_400,
    min_containers=_number("MODAL_API_MIN_CONTAINERS", 0),
    max_containers=_number("MODAL_API_MAX_CONTAINERS", 4),
)
@modal.concurrent(max_inputs=_number("MODAL_API_CONCURRENCY", 100))
@modal.asgi_app()
def api() -> "FastAPI":
    """The HTTP API."""
    from entrypoints.api.server import app_for  # noqa: PLC0415 - in containers only
    from entrypoints.log_setup import set_up_logging  # noqa: PLC0415
    from entrypoints.modal_bootstrap import open_services_on_modal  # noqa: PLC0415

    settings = entrypoints.modal_container.settings_on_modal()
    set_up_logging(settings.log_level)
    return app_for(settings, open_services_on_modal)
