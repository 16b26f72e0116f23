"""Reference pages, made from the code: commands, HTTP operations, problems, events, decisions."""

import json
from dataclasses import fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_type_hints

import typer

from domain.events import EVENT_TYPES, PERSONAL
from domain.ports.tokens import TokenVerifier
from entrypoints import cli
from entrypoints.api.app import create_app
from entrypoints.api.problems import kinds
from entrypoints.settings import Settings

ROOT = Path(__file__).parent.parent
BELOW = "listed below by `python -m docs.generate`. -->"
MADE = "<!-- Made by `python -m docs.generate` from {source}; do not edit. -->"


def page(title: str, source: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", MADE.format(source=source), *parts]) + "\n"


def table(*head: str, rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def commands_page() -> str:
    root = typer.main.get_command(cli.app)
    parts = [cli.HELP.strip(), "Settings that a command reads are in [settings.md](settings.md)."]
    for name, command in _commands(root, ()):
        usage = " ".join(["jobledger", *name, *(_argument(param) for param in _arguments(command))])
        options = [
            [f"`{', '.join(param.opts + param.secondary_opts)}`", _help_of(param)]
            for param in command.params
            if param.param_type_name == "option" and not param.hidden and param.name != "help"
        ]
        told = (command.help or "").strip()
        parts += [f"## jobledger {' '.join(name)}", told, f"`{usage}`"]
        parts += [f"For example `{command.epilog.removeprefix('Example: ')}`."] if command.epilog else []
        parts += [table("option", "what it is", rows=options)] if options else []
    return page("Commands", "entrypoints/cli", *parts)


def _commands(command: Any, above: tuple[str, ...]) -> list[tuple[tuple[str, ...], Any]]:
    found: list[tuple[tuple[str, ...], Any]] = []
    for name, inner in command.commands.items():
        place = (*above, name)
        found += _commands(inner, place) if hasattr(inner, "commands") else [(place, inner)]
    return found


def _arguments(command: Any) -> list[Any]:
    return [param for param in command.params if param.param_type_name == "argument"]


def _argument(param: Any) -> str:
    name = str(param.name).upper()
    return name if param.required else f"[{name}]"


def _help_of(param: Any) -> str:
    default = (
        ""
        if param.default in (None, False, ()) or callable(param.default)
        else f" Default: `{param.default}`."
    )
    return f"{param.help or ''}{default}".strip()


def problems_page() -> str:
    rows = [[str(kind.status), f"`/problems/{kind.slug}`", kind.title, kind.advice] for kind in kinds()]
    told = (
        "Every refusal is a problem by RFC 9457, as `application/problem+json`, with `type`, `title`, `status`, `detail`,\n"
        "`instance` and `request_id`, which finds the request in the service's log. Compare `type`: it is stable, and\n"
        "the words are not. Where fields are at fault `errors` has a JSON pointer and a reason for each. `GET` on a type\n"
        "answers its line of this table."
    )
    return page(
        "Problems",
        "entrypoints/api/problems.py",
        told,
        table("status", "type", "title", "what to do", rows=rows),
    )


def events_page() -> str:
    told = (
        "Everything that can happen to a job. Each is recorded once and never changed, in an envelope that says when, by\n"
        "whom (`actor`), on which request, as part of which command and trace, and by which version of the code. What is\n"
        "*personal* can be erased; the event, and the proof of it, stay."
    )
    parts = [told]
    for name, kind in EVENT_TYPES.items():
        hints = get_type_hints(kind)
        rows = [
            [
                f"`{field.name}`",
                f"`{_type_name(hints[field.name])}`",
                "yes" if field.metadata.get(PERSONAL) else "",
            ]
            for field in fields(kind)
        ]
        first_line = (kind.__doc__ or "").strip()
        told = "" if first_line.startswith(f"{name}(") else " ".join(first_line.split())
        parts += [f"## {name}", *([told] if told else []), f"Schema version {kind.SCHEMA_VERSION}."]
        parts += [table("field", "type", "personal", rows=rows)] if rows else []
    return page("Events", "domain/events.py", *parts)


def _type_name(kind: Any) -> str:
    if isinstance(kind, UnionType):
        return " | ".join("null" if part is NoneType else _type_name(part) for part in get_args(kind))
    if get_args(kind):
        return f"list of {_type_name(get_args(kind)[0])}"
    return str(getattr(kind, "__name__", kind))


def document() -> dict[str, Any]:
    """The OpenAPI document, of a service with the default settings."""
    return create_app(_nobody(), Settings(_env_file=None)).openapi()


def http_page() -> str:
    told = (
        "Requests and answers are JSON. Every operation but those of health wants `Authorization: Bearer <token>`.\n"
        "Refusals are [problems](problems.md). The whole, with schemas, is at `/openapi.json` and, to be tried, at `/docs`\n"
        "of a running service."
    )
    parts = [told]
    for path, operations in sorted(document()["paths"].items()):
        for method, operation in operations.items():
            rows = [
                [f"`{param['name']}`", param["in"], (param.get("description") or "").replace("\n", " ")]
                for param in operation.get("parameters", [])
            ]
            parts += [f"## {method.upper()} {path}", (operation.get("description") or "").strip()]
            parts += [table("parameter", "in", "what it is", rows=rows)] if rows else []
            parts += [
                f"Answers: {', '.join(sorted(operation['responses']))}. Operation `{operation['operationId']}`."
            ]
            parts += _shown(operation)
    return page("HTTP operations", "the OpenAPI document", *filter(None, parts))


def _shown(operation: dict[str, Any]) -> list[str]:
    """An example of what is sent and of what is answered, where that is JSON."""
    shown = [operation["requestBody"]] if "requestBody" in operation else []
    shown += [answer for status, answer in operation["responses"].items() if status < "300"][:1]
    bodies = [content for part in shown for content in part.get("content", {}).items()]
    told = [
        json.dumps(content["example"], indent=2, ensure_ascii=False)
        for media_type, content in bodies
        if media_type == "application/json" and "example" in content
    ]
    return [f"```json\n{text}\n```" for text in told]


def _nobody() -> TokenVerifier:
    class Nobody:
        async def verify(self, token: str) -> Any:
            raise NotImplementedError(token)

    return Nobody()


def decisions_page() -> str:
    files = sorted(path for path in (ROOT / "docs" / "decisions").glob("0*.md"))
    rows = [
        [f"[{path.stem[:4]}]({path.name})", path.read_text().split("\n")[0].lstrip("# 0123456789.")]
        for path in files
    ]
    told = "What was decided, why, and what else was considered. A decision that measurement showed wrong is replaced."
    return page("Decisions", "the files beside it", told, table("number", "decision", rows=rows))


def map_page() -> str:
    """The map as it was written, and after its last line every page that it does not name."""
    written = (ROOT / "docs" / "README.md").read_text()
    above = written[: written.index(BELOW) + len(BELOW)]
    pages = {path.name: path for path in sorted((ROOT / "docs").glob("*.md")) if path.name != "README.md"}
    rows = [
        f"- [{path.read_text().splitlines()[0].lstrip('# ')}]({name})"
        for name, path in pages.items()
        if f"({name})" not in above
    ]
    return above + "\n" + ("\n## More\n\n" + "\n".join(rows) + "\n" if rows else "")


REFERENCE = {
    "docs/README.md": map_page,
    "docs/commands.md": commands_page,
    "docs/problems.md": problems_page,
    "docs/events.md": events_page,
    "docs/http.md": http_page,
    "docs/decisions/README.md": decisions_page,
}
