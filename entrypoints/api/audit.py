"""What proves the history, over HTTP: checkpoints, keys, proofs, and exports that prove themselves."""

import base64
from collections.abc import AsyncGenerator, Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import BaseModel

from domain.audit import HistoryExported
from domain.errors import NotSealed
from domain.events import Actor, ActorKind
from domain.ledger.forms import MEDIA_TYPES, Form, writer
from domain.use_cases.export import Export, begin, export, positions
from domain.use_cases.prove import SignedTree, prove_consistency, prove_inclusion, signed_tree
from entrypoints.api.answers import dumps, instant, json_response
from entrypoints.api.auth import CurrentUser
from entrypoints.api.feed import MAX_POSITION, Filter, Position, told_filter
from entrypoints.api.requests import Auditing, Work, answers, provenance_of
from entrypoints.services import Services

ENDINGS = {Form.NDJSON: "ndjson", Form.CLOUDEVENTS: "cloudevents.ndjson", Form.CSV: "csv"}
DOCUMENTED = sorted({kind.partition(";")[0] for kind in MEDIA_TYPES.values()})
# Lines are gathered up to so many bytes, because each piece that is sent costs as much as a line.
PIECE_BYTES = 64 * 1024

# Trees are counted in a 4-byte integer.
MAX_TREE = 2**31 - 1
Size = Annotated[int, Query(ge=0, le=MAX_POSITION)]

Tree = Annotated[
    int | None,
    Query(ge=1, le=MAX_TREE, description="Which tree, where a restored database began a new one: the last."),
]

router = APIRouter(prefix="/audit", tags=["audit"])


class ConsistencyOut(BaseModel):
    """That the tree of size `to` begins with that of size `from`: hashes in base64, as RFC 6962 has them."""

    hashes: list[str]
    checkpoint: str


@router.get(
    "/checkpoint",
    operation_id="get_checkpoint",
    response_class=PlainTextResponse,
    responses=answers(401, 404, 422, 503),
)
async def get_checkpoint(services: Work, _: CurrentUser, tree: Tree = None) -> Response:
    """The ledger's last checkpoint: its size and root, signed (a C2SP tlog-checkpoint)."""
    return PlainTextResponse((await signed_tree(services.ledger, tree)).note)


@router.get(
    "/key", operation_id="get_ledger_key", response_class=PlainTextResponse, responses=answers(401, 404, 503)
)
async def get_key(services: Work, _: CurrentUser) -> Response:
    """The public keys that sign, or signed, checkpoints, a line each, the newest first.

    Fetch them once and keep them: who trusts whatever key is shown proves nothing.
    """
    keys = await services.ledger.keys()
    if not keys:
        raise NotSealed("No checkpoint has been signed yet.")
    return PlainTextResponse("".join(f"{key}\n" for key in keys))


@router.get(
    "/proof",
    operation_id="prove_event",
    response_class=PlainTextResponse,
    responses=answers(401, 404, 422, 503),
)
async def get_proof(
    services: Work, _: CurrentUser, position: Annotated[int, Query(ge=1, le=MAX_POSITION)]
) -> Response:
    """That an event stands at this position in the last checkpoint (a C2SP tlog-proof)."""
    return PlainTextResponse(str(await prove_inclusion(services.ledger, position=position)))


@router.get(
    "/consistency",
    operation_id="prove_consistency",
    responses=answers(401, 404, 422, 503, ok=ConsistencyOut),
)
async def get_consistency(
    services: Work,
    _: CurrentUser,
    old_size: Annotated[Size, Query(alias="from")],
    size: Annotated[int | None, Query(alias="to", ge=0, le=MAX_POSITION)] = None,
    tree: Tree = None,
) -> Response:
    """That a checkpoint grew out of an earlier one, and nothing before it was changed or left out.

    Without `to`, the last checkpoint.
    """
    signed = await signed_tree(services.ledger, tree)
    hashes = await prove_consistency(
        services.ledger, signed, old_size=old_size, size=signed.size if size is None else size
    )
    told = [base64.b64encode(item).decode() for item in hashes]
    return json_response({"hashes": told, "checkpoint": signed.note})


@router.get(
    "/export",
    operation_id="export_events",
    response_class=StreamingResponse,
    responses={
        200: {"content": {kind: {"schema": {"type": "string"}} for kind in DOCUMENTED}},
        **answers(401, 403, 404, 422, 503),
    },
)
async def export_events(
    request: Request,
    services: Work,
    auditor: Auditing,
    which: Filter,
    form: Form = Form.NDJSON,
    after: Position = 0,
    through: Annotated[int | None, Query(ge=0, le=MAX_POSITION)] = None,
    known_size: Annotated[Size, Query(description="The size of the checkpoint that you kept.")] = 0,
    tree: Tree = None,
) -> Response:
    """Events that prove themselves, up to the last checkpoint: give the file to `jobledger audit verify`.

    What is left out by a filter is there as hashes. The export itself is recorded.
    """
    asked = Export(which, after=after, through=through, known_size=known_size, tree=tree)
    signed = await begin(services.ledger, asked)
    first, last = positions(signed, asked)
    provenance = provenance_of(request, services, Actor(ActorKind.AUDITOR, auditor.user_id))
    event = HistoryExported(
        origin=signed.checkpoint.origin,
        size=signed.size,
        first_position=first,
        last_position=last,
        form=form.value,
        filter=told_filter(which),
    )
    await services.audit.record(event, provenance)
    about = {
        "filter": told_filter(which),
        "exported_at": instant(services.clock.now()),
        "exported_by": auditor.user_id,
        "request_id": provenance.request_id,
    }
    name = f"jobledger-{first}-{last}.{ENDINGS[form]}"
    return StreamingResponse(
        pieces(services, signed, asked, form, about),
        media_type=MEDIA_TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
    )


async def pieces(
    services: Services, tree: SignedTree, asked: Export, form: Form, about: Mapping[str, object]
) -> AsyncGenerator[bytes, None]:
    """The export's bytes; nothing is read ahead of who takes them."""
    write = writer(form, dumps)
    piece = bytearray()
    async for record in export(services.ledger, tree, asked, about=about):
        piece += write(record)
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    yield bytes(piece)
