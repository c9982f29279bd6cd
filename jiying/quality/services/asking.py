"""Who is asked after closing (Q1): a reader of the journal plans and withdraws surveys, a sweep opens and ends them.

One survey for a ticket, ever: what is read twice, or by two workers, makes no second one. Closing waits for nobody.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from jiying.base import due, journal, tails
from jiying.base.actor import SYSTEM
from jiying.base.models import JournalEntry
from jiying.core import lifecycle
from jiying.core.surveys import drawn
from jiying.desk.models import Message, Ticket
from jiying.desk.queries import publicity
from jiying.desk.services import talking
from jiying.desk.services.holding import KIND, fact, lock, lock_many
from jiying.quality.models import Survey, SurveyDesign
from jiying.quality.queries import links

State = Survey.State
_TELLING = frozenset({"ticket.closed", "ticket.confirmed", "ticket.reopened", "ticket.merged", "ticket.cancelled"})
HISTORY = timedelta(days=2)  # what was recorded so much later than it happened was imported: nobody could still ask
ANSWERED_THERE = frozenset({"social"})  # channels whose replies leave by themselves
WAITING = (State.PLANNED, State.OPEN)
ASKED = (State.OPEN, State.ANSWERED, State.EXPIRED)


# --- planned by the journal ------------------------------------------------------------------------------------------


def read(entries: Sequence[JournalEntry]) -> Callable[[], object]:
    """What these facts say of surveys; the tickets as they are now decide, so that reading twice changes nothing."""
    ids = {e.subject_id for e in entries if e.subject_kind == KIND and e.kind in _TELLING and not _is_history(e)}
    return partial(look, sorted(ids), timezone.now())


READER = tails.Reader("surveys", read)


def _is_history(entry: JournalEntry) -> bool:
    return entry.actor_kind == "import" or entry.recorded_at - entry.at > HISTORY


def look(ids: Sequence[int], now: datetime) -> None:
    """In the caller's transaction: plan a survey for those that are closed, withdraw it from those that go on."""
    designs = list(SurveyDesign.objects.filter(active=True).order_by("pk"))
    known = set(Survey.objects.filter(ticket__in=ids).values_list("ticket_id", flat=True))
    wanted = ids if designs else sorted(known)
    held = lock_many(wanted, False) if wanted else {}
    surveys = {one.ticket_id: one for one in Survey.objects.select_for_update(of=("self",)).filter(ticket__in=held)}
    for ticket in held.values():
        survey = surveys.get(ticket.pk)
        if ticket.status == lifecycle.CLOSED:
            _plan(ticket, survey, designs, now)
        elif survey is not None and survey.state in WAITING:
            _end(survey, ticket, State.WITHDRAWN, now)


def _plan(ticket: Ticket, survey: Survey | None, designs: Sequence[SurveyDesign], now: datetime) -> None:
    if survey is not None and survey.state != State.WITHDRAWN:
        return
    design = design_for(ticket, designs)
    if design is None or not drawn(ticket.number, design.share) or not _may_ask(ticket, design, now):
        return
    make(ticket, design, survey, max(ticket.ended_at or now, now) + timedelta(hours=design.delay_h), now)


def design_for(ticket: Ticket, designs: Iterable[SurveyDesign]) -> SurveyDesign | None:
    """The first design that asks about tickets such as this one."""
    fits = (one for one in designs if one.choice.fits(ticket.channel, ticket.category, ticket.type))
    return next(fits, None)


def _may_ask(ticket: Ticket, design: SurveyDesign, now: datetime) -> bool:
    """A customer who came by themselves, is known, and was not asked just lately."""
    if ticket.customer is None or ticket.customer.erased_at is not None or ticket.source.startswith(Ticket.AHEAD):
        return False
    since = now - timedelta(days=design.quiet_days)
    others = Survey.objects.filter(ticket__customer=ticket.customer).exclude(state=State.WITHDRAWN)
    return not design.quiet_days or not others.exclude(ticket=ticket).filter(opens_at__gt=since).exists()


def make(ticket: Ticket, design: SurveyDesign, known: Survey | None, opens_at: datetime, now: datetime) -> Survey:
    """The row of a locked ticket, planned; one that was withdrawn begins anew."""
    survey = known or Survey(ticket=ticket)
    survey.design, survey.kind, survey.items = design, design.kind, list(design.items)
    survey.state, survey.made_at, survey.opens_at = State.PLANNED, now, opens_at
    survey.expires_at = opens_at + timedelta(days=design.expires_days)
    survey.team_id, survey.agent_id = ticket.team_id, ticket.assignee_id
    survey.channel, survey.category = ticket.channel, ticket.category
    survey.wake_at, survey.parked_at, survey.attempts, survey.reminded_at = opens_at, None, 0, None
    survey.save()
    return survey


# --- opened, reminded of and ended by the sweep ----------------------------------------------------------------------


def serve(ids: Sequence[int], now: datetime) -> int:
    """The sweep's handler: ticket first, then the survey's row."""
    n_done = 0
    for pk, ticket_id in Survey.objects.filter(pk__in=ids).values_list("pk", "ticket_id"):
        ticket = lock(ticket_id)
        if due.claim(Survey, [pk], now):
            _step(Survey.objects.select_related("design", "ticket__customer").get(pk=pk), ticket, now)
            n_done += 1
    return n_done


def _step(survey: Survey, ticket: Ticket, now: datetime) -> None:
    if survey.state not in WAITING:
        return
    if ticket.status != lifecycle.CLOSED:
        _end(survey, ticket, State.WITHDRAWN, now)
    elif now >= survey.expires_at:
        _end(survey, ticket, State.EXPIRED, now)
    elif survey.state == State.PLANNED:
        _open(survey, ticket, now)
    elif survey.reminded_at is None and survey.design.tells:
        survey.reminded_at = now
        _wait(survey)
        _tell(survey, ticket, now)


def _open(survey: Survey, ticket: Ticket, now: datetime) -> None:
    survey.state = State.OPEN
    _wait(survey)
    journal.record(SYSTEM, [fact(ticket, "survey_asked", now, {"design": survey.design.code})], now=now)
    if survey.design.tells:
        _tell(survey, ticket, now)


def _wait(survey: Survey) -> None:
    """Until the reminder, or else the end."""
    hours = survey.design.reminder_h if survey.reminded_at is None and survey.design.tells else 0
    survey.wake_at = survey.opens_at + timedelta(hours=hours) if hours else survey.expires_at
    survey.save(update_fields=["state", "wake_at", "reminded_at"])


def _end(survey: Survey, ticket: Ticket, state: State, now: datetime) -> None:
    was_asked = survey.state == State.OPEN
    survey.state, survey.wake_at = state, None
    survey.save(update_fields=["state", "wake_at"])
    if was_asked:
        journal.record(SYSTEM, [fact(ticket, f"survey_{state}", now)], now=now)


def _tell(survey: Survey, ticket: Ticket, now: datetime) -> None:
    """An automatic reply with the link: it goes the way that replies on this ticket go, and stands on its page.

    Never into a public thread: whoever read it there could answer as the customer.
    """
    if publicity.is_public(ticket.pk):
        return
    with translation.override(_language(ticket)):
        text = _("Your request %(number)s is finished. How did we do? It takes half a minute: %(url)s")
        if survey.reminded_at is not None:
            text = _("You have not rated how we handled your request %(number)s yet. We would like to know: %(url)s")
        body = text % {"number": ticket.number, "url": links.address(survey)}
    talking.reply(actor=SYSTEM, number=ticket.number, body=body, by="auto", now=now)


def by_mail(messages: Sequence[Message]) -> set[int]:
    """Of these replies those that ask a customer: they leave by mail where the channel takes nothing out itself."""
    asking = [one for one in messages if one.by == "auto" and one.ticket.channel not in ANSWERED_THERE]
    surveys = {one.ticket_id: one for one in Survey.objects.filter(ticket__in={one.ticket_id for one in asking})}
    return {one.pk for one in asking if (found := surveys.get(one.ticket_id)) and links.path(found) in one.body}


def _language(ticket: Ticket) -> str:
    """Ours that the customer reads best: the site's, and English for those who speak another one."""
    spoken = ticket.customer.language if ticket.customer else ""
    return settings.LANGUAGE_CODE if spoken in ("", settings.LANGUAGE_CODE) or spoken.startswith("zh") else "en"
