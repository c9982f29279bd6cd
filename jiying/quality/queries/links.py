"""The customer's own address of a survey: signed, of this survey alone; it opens no conversation.

It ends with the survey, and with the ticket's other links when somebody replaces those.
"""

from dataclasses import dataclass

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from jiying.base.actor import Actor
from jiying.base.errors import NotFound
from jiying.quality.models import Survey

SALT = "jiying.survey"


@dataclass(frozen=True, slots=True)
class Visit:
    """An opened link: the survey, and the ticket's customer as the actor."""

    token: str
    survey: Survey
    actor: Actor


def path(survey: Survey) -> str:
    return reverse("survey:show", args=[_signer().sign(f"{survey.pk}.{_generation(survey)}")])


def address(survey: Survey) -> str:
    return settings.BASE_URL + path(survey)


def visit(token: str) -> Visit:
    """Raises NotFound for a link that is forged or was replaced, and where nobody is asked any more."""
    try:
        pk, _dot, generation = _signer().unsign(token).partition(".")
    except BadSignature as error:
        raise NotFound("survey", "") from error
    found = Survey.objects.select_related("design", "ticket__portal_link", "ticket__customer").filter(pk=int(pk))
    survey = found.first()
    customer = survey.ticket.customer if survey else None
    if survey is None or customer is None or customer.erased_at is not None:
        raise NotFound("survey", "")
    if survey.state == Survey.State.WITHDRAWN or _generation(survey) != int(generation):
        raise NotFound("survey", "")
    return Visit(token, survey, Actor("customer", customer.pk))


def _generation(survey: Survey) -> int:
    link = getattr(survey.ticket, "portal_link", None)
    return 0 if link is None else int(link.generation)


def _signer() -> Signer:
    return Signer(salt=SALT, sep=".")
