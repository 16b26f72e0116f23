"""The lifecycle, drawn and listed, from the one declaration."""

from typing import TYPE_CHECKING

from transitions.extensions import GraphMachine

from domain.lifecycle import NEW, TABLE, TRANSITIONS, Guard, Status

if TYPE_CHECKING:
    from transitions.core import TransitionConfigDict  # stands in the stubs only


class _Model:
    """GraphMachine draws for a model; this one only lets it."""


def mermaid() -> str:
    """The state diagram as Mermaid text: each edge says the act, its guard, and the event it appends."""
    edges = [
        {
            "trigger": _label(transition),
            "source": transition["source"],
            "dest": transition["dest"],
        }
        for transition in TRANSITIONS
        # Edges that stay where they are would be half of the picture; the table has them.
        if transition["dest"]
    ]
    machine = GraphMachine(
        model=_Model(),
        states=[NEW, *(status.value for status in Status)],
        initial=NEW,
        transitions=edges,
        auto_transitions=False,
        graph_engine="mermaid",
    )
    return str(machine.get_combined_graph().draw(None)).strip()


def moves_table() -> str:
    """Every move as a Markdown table."""
    lines = ["| from | act | when | event | to |", "| --- | --- | --- | --- | --- |"]
    for (source, act, guard), move in TABLE.items():
        when = "" if guard is Guard.ALWAYS else guard.replace("_", " ")
        dest = move.dest.value if move.dest else "unchanged"
        cells = (source or NEW, act.replace("_", " "), when, move.event.__name__, dest)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _label(transition: "TransitionConfigDict") -> str:
    guard = transition.get("conditions")
    when = f" ({str(guard).replace('_', ' ')})" if guard else ""
    return f"{transition['trigger']}: {transition['after']}{when}"
