"""What holds for the repository as a whole."""

import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAX_LINES = 300
BINARY = {".png", ".woff2"}


def tracked_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / name for name in listed.stdout.split() if (ROOT / name).is_file()]


def test_source_files_are_short() -> None:
    sources = [path for path in tracked_files() if path.suffix == ".py" and "tests" not in path.parts]
    long = [str(path) for path in sources if len(path.read_text().splitlines()) > MAX_LINES]

    assert long == []
    assert len(sources) > 50


def test_alembic_is_no_package_of_ours() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_no_file_names_a_package_registry() -> None:
    # Put together here, so that this file does not name one either.
    hosts = re.compile("|".join(("pypi" + r"\.org", "pythonhosted" + r"\.org", "npmjs" + r"\.org")))
    naming = [
        str(path) for path in tracked_files() if path.suffix not in BINARY and hosts.search(path.read_text())
    ]

    assert naming == []


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    folders = re.compile(r"(?<![\w.\-/])/(home|Users|root|work|mnt)/\w")
    naming = [
        str(path)
        for path in tracked_files()
        if path.suffix not in BINARY and folders.search(path.read_text())
    ]

    assert naming == []


def test_the_pinned_requirements_are_the_pinned_constraints() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    constraints = set(project["tool"]["uv"]["constraint-dependencies"])
    required = re.findall(r"^([\w.\-\[\]]+==[^ ;]+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE)
    pinned = {re.sub(r"\[.*\]", "", name) for name in required}

    assert pinned - constraints == set()
    assert len(pinned) > 30


def test_every_direct_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    pinned = {pin.split("==")[0] for pin in project["tool"]["uv"]["constraint-dependencies"]}

    assert {re.split(r"[\[;=]", name)[0] for name in asked} - pinned == set()


def test_every_dependency_of_the_service_is_in_the_pinned_requirements() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = {re.split(r"[\[;=]", name)[0] for name in project["project"]["dependencies"]}
    listed = re.findall(
        r"^([\w.\-]+)(?:\[[^\]]*\])?==", (ROOT / "requirements.txt").read_text(), re.MULTILINE
    )

    assert asked - set(listed) == set()


def test_what_builds_the_project_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    pins = project["tool"]["uv"]["build-constraint-dependencies"]

    assert set(project["build-system"]["requires"]) - set(pins) == set()
    assert [pin for pin in pins if "==" not in pin] == []
