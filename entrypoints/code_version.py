"""Which version of the code this is: events say it, and so does the API's description."""

import os
from importlib.metadata import PackageNotFoundError, version


def _code_version() -> str:
    try:
        return version("jobledger")
    except PackageNotFoundError:
        # A container on Modal has the modules alone; its image says which they are.
        return os.environ.get("JOBLEDGER_VERSION", "unknown")


CODE_VERSION = _code_version()
