"""Canned texts and one's own drafts over the API."""

from typing import Annotated, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import StringConstraints

from jiying.base.api.wire import Body, Id, Line, Revision, actor_of, answer
from jiying.desk.api import schemas as s
from jiying.desk.queries import tickets_api as rows
from jiying.desk.queries import writing as queries
from jiying.desk.services import canned, drafts
from jiying.desk.services.drafts import Place

router = Router(tags=["writing"])
Kind = Literal["reply", "note", "call"]


class CannedTextIn(Body):
    """`reach`: own, team (one's own) or all. Places such as {customer} are filled in where the text is inserted."""

    title: Annotated[str, StringConstraints(min_length=1, max_length=canned.MAX_TITLE)]
    body: Annotated[str, StringConstraints(min_length=1, max_length=canned.MAX_BODY)]
    shortcut: Annotated[str, StringConstraints(max_length=canned.MAX_SHORTCUT)] = ""
    reach: Literal["own", "team", "all"] = "own"

    def text(self) -> canned.Text:
        return canned.Text(self.title, self.body, self.shortcut, self.reach)


class CannedTextChange(CannedTextIn):
    revision: Revision | None = None


class WrittenDraftIn(Body):
    body: Annotated[str, StringConstraints(max_length=drafts.MAX_BODY)]


@router.get("/canned-texts", response=list[queries.CannedRow])
def list_canned_texts(request: HttpRequest, q: Line = "") -> HttpResponse:
    """The texts that the caller may use; `q` looks in title, shortcut and text."""
    return answer(queries.canned_texts(actor_of(request), q[:40]))


@router.post("/canned-texts", response={201: queries.CannedRow})
def add_canned_text(request: HttpRequest, payload: CannedTextIn) -> HttpResponse:
    """A new text for oneself, one's team or everybody."""
    actor = actor_of(request)
    row = canned.add(actor=actor, text=payload.text(), now=timezone.now())
    return answer(queries.canned_text(actor, row.pk), 201)


@router.put("/canned-texts/{text_id}", response=queries.CannedRow)
def change_canned_text(request: HttpRequest, text_id: Id, payload: CannedTextChange) -> HttpResponse:
    """Change a text; a stale `revision` is refused."""
    actor = actor_of(request)
    canned.change(actor=actor, pk=text_id, text=payload.text(), revision=payload.revision, now=timezone.now())
    return answer(queries.canned_text(actor, text_id))


@router.delete("/canned-texts/{text_id}", response={204: None})
def remove_canned_text(request: HttpRequest, text_id: Id) -> HttpResponse:
    """Take a text away; what was sent with it stays."""
    canned.remove(actor=actor_of(request), pk=text_id, now=timezone.now())
    return HttpResponse(status=204)


@router.get("/tickets/{number}/drafts", response=list[rows.DraftRow])
def list_drafts(request: HttpRequest, number: s.Number) -> HttpResponse:
    """What the caller has begun to write on a ticket; nobody sees another's."""
    return answer(rows.drafts(actor_of(request), number))


@router.put("/tickets/{number}/drafts/{kind}", response=list[rows.DraftRow])
def save_draft(request: HttpRequest, number: s.Number, kind: Kind, payload: WrittenDraftIn) -> HttpResponse:
    """Keep what is written so far; an empty body without files is no draft."""
    actor = actor_of(request)
    drafts.save(actor=actor, place=Place(number, kind), body=payload.body, now=timezone.now())
    return answer(rows.drafts(actor, number))


@router.delete("/tickets/{number}/drafts/{kind}", response={204: None})
def discard_draft(request: HttpRequest, number: s.Number, kind: Kind) -> HttpResponse:
    """Throw a draft away, with its files."""
    drafts.discard(actor=actor_of(request), place=Place(number, kind), now=timezone.now())
    return HttpResponse(status=204)
