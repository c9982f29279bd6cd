"""A ticket's link for its customer."""

from dataclasses import dataclass
from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router
from pydantic import StringConstraints

from jiying.base.api.wire import actor_of, answer
from jiying.channels.services import portal

router = Router()
Number = Annotated[str, StringConstraints(max_length=24, pattern=r"^[A-Za-z0-9-]+$")]


@dataclass(frozen=True, slots=True)
class PortalLinkRow:
    url: str


@router.get("/tickets/{number}/portal-link", response=PortalLinkRow, tags=["tickets"])
def portal_link(request: HttpRequest, number: Number) -> HttpResponse:
    """The address by which the customer follows this ticket without an account; to be sent to nobody else."""
    return answer(PortalLinkRow(portal.address(actor=actor_of(request), number=number)))


@router.post("/tickets/{number}/portal-link", response=PortalLinkRow, tags=["tickets"])
def renew_portal_link(request: HttpRequest, number: Number) -> HttpResponse:
    """A new address; earlier ones stop working."""
    return answer(PortalLinkRow(portal.renew(actor=actor_of(request), number=number, now=timezone.now())))
