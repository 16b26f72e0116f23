"""What a form sends, and that it was sent from one of our own pages."""

from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from fastapi import Depends, Request

from domain.errors import FieldProblem, InvalidSubmission, NotPermitted

MAX_FIELDS = 1100
MAX_REASON = 500


class Form(dict[str, list[str]]):
    """The fields by name, each with all its values."""

    def one(self, name: str) -> str:
        """The first value, without blanks around it; empty when there is none."""
        return self.get(name, [""])[0].strip()

    def reason(self) -> str:
        """Why somebody acts; raises InvalidSubmission when they don't say."""
        reason = self.one("reason")
        if not reason:
            detail = "Say why: the reason stays in the history."
            raise InvalidSubmission([FieldProblem(pointer="/reason", detail=detail)])
        if len(reason) > MAX_REASON or "\x00" in reason:
            detail = f"At most {MAX_REASON} characters of text."
            raise InvalidSubmission([FieldProblem(pointer="/reason", detail=detail)])
        return reason

    def version(self) -> int | None:
        """The version that the sender saw; None where the form has none."""
        given = self.one("version")
        if not given:
            return None
        return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else -1  # noqa: PLR2004


async def get_form(request: Request) -> Form:
    """The form's fields; raises NotPermitted for one that another site sent (OWASP: Fetch Metadata)."""
    check_sent_from_here(request)
    try:
        body = (await request.body()).decode()
        pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise InvalidSubmission([FieldProblem(pointer="", detail="The form cannot be read.")]) from error
    form = Form()
    for name, value in pairs:
        form.setdefault(name, []).append(value)
    return form


def check_sent_from_here(request: Request) -> None:
    """Browsers say where a request comes from; one that says nothing at all is no browser's form."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        is_ours = site == "same-origin"
    else:
        is_ours = origin is not None and urlsplit(origin).netloc == request.headers.get("host")
    if not is_ours:
        raise NotPermitted("This form was not sent from the dashboard, so nothing was done.")


Sent = Annotated[Form, Depends(get_form)]
