"""Style, script, fonts and icons: files of the package, named with their digest and kept by browsers."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

ASSETS_PATH = "/dashboard/static"
DIRECTORY = Path(__file__).parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"


class Assets(StaticFiles):
    def __init__(self) -> None:
        super().__init__(directory=DIRECTORY)

    def file_response(self, full_path: Any, stat_result: Any, scope: Any, status_code: int = 200) -> Response:
        answer = super().file_response(full_path, stat_result, scope, status_code)
        # Fonts are named by the style sheet, without a digest; they change with their file's name.
        if b"v=" in scope["query_string"] or str(full_path).endswith(".woff2"):
            answer.headers["Cache-Control"] = FOR_EVER
        return answer


@cache
def asset(name: str) -> str:
    """The address of a packaged file; another content is another address."""
    digest = hashlib.sha256((DIRECTORY / name).read_bytes()).hexdigest()[:12]
    return f"{ASSETS_PATH}/{name}?v={digest}"
