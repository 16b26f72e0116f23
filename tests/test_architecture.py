"""The import contracts hold, and each of them can break."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("domain", "adapters", "entrypoints")
# A module, a line that breaks a contract there, and the contract.
BREAKS = [
    ("domain/job.py", "import adapters.system", "entrypoints -> adapters -> domain"),
    ("adapters/system.py", "import entrypoints.settings", "entrypoints -> adapters -> domain"),
    (
        "domain/job.py",
        "import psycopg",
        "the domain knows the standard library and transitions, nothing else",
    ),
    ("entrypoints/relay.py", "import adapters.system", "only the composition root imports adapters"),
    ("entrypoints/relay.py", "import psycopg", "drivers stay in the adapters"),
]


def contracts_in(directory: Path) -> str:
    """What `lint-imports` says of the packages in a directory."""
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    run = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=directory,
        env={"PYTHONPATH": str(directory), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout + run.stderr


def test_every_contract_is_kept() -> None:
    assert "0 broken" in contracts_in(ROOT)


def test_the_domain_imports_the_standard_library_and_transitions_only() -> None:
    graph = grimp.build_graph("domain", include_external_packages=True, cache_dir=None)
    squashed = {module for module in graph.modules if graph.is_module_squashed(module)}

    assert squashed - set(sys.stdlib_module_names) == {"transitions"}


def test_every_contract_is_seen_to_break() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    contracts = {contract["name"] for contract in project["tool"]["importlinter"]["contracts"]}

    assert {contract for _, _, contract in BREAKS} == contracts


@pytest.mark.parametrize(("module", "line", "contract"), BREAKS)
def test_a_contract_breaks_when_it_is_broken(tmp_path: Path, module: str, line: str, contract: str) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    source = tmp_path / module
    source.write_text(f"{source.read_text()}\n{line}\n")
    said = contracts_in(tmp_path)

    assert [text for text in said.splitlines() if contract in text and "BROKEN" in text] != []
