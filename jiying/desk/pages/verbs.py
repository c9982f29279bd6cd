"""What people do with a ticket: one address a verb; a GET shows its form where it has one. Services decide."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_http_methods

from jiying.base import files
from jiying.base.actor import Actor
from jiying.base.context import actor_of
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.transactions import short
from jiying.desk import forms as desk_forms
from jiying.desk.models import Ticket
from jiying.desk.pages import ticket as ticket_pages
from jiying.desk.pages import writing
from jiying.desk.pages.answers import Task, ask, go, is_fragment, next_url
from jiying.desk.queries import people, ticket_page, work
from jiying.desk.queries import writing as compose
from jiying.desk.queries.verbs import allowed
from jiying.desk.services import (
    asking,
    codes,
    collaboration,
    drafts,
    flows,
    handling,
    holding,
    lines,
    links,
    offers,
    routing,
    splitting,
    talking,
)


@dataclass(frozen=True)
class Act:
    """One use of a verb: who, on what, with which values, when."""

    actor: Actor
    number: str
    values: dict[str, Any]
    uploads: "list[UploadedFile[Any]]"
    now: datetime
    mentions: tuple[int, ...] = ()

    @property
    def common(self) -> dict[str, Any]:
        return {"actor": self.actor, "number": self.number, "now": self.now}

    def text(self, name: str) -> str:
        return str(self.values.get(name) or "")


@dataclass(frozen=True)
class Verb:
    """`form` None: a button alone. `rule` is its name in the life cycle; `title` and `submit` are its words."""

    run: Callable[[Act], object]
    rule: str
    title: str | Promise = ""
    submit: str | Promise = ""
    form: type[desk_forms.VerbForm] | None = None
    is_danger: bool = False


# --- what each verb runs ---------------------------------------------------------------------------------------------


def _written(act: Act) -> talking.Written:
    """What the composer sends: Markdown, what its writer had seen, and whom they chose to mention."""
    last_seen = writing.number_of(act.values, "last_seen") if act.text("last_seen") else None
    return talking.Written(act.text("body"), talking.MARKDOWN, last_seen, act.mentions)


@short
def _reply(act: Act) -> None:
    """A reply, alone or with what follows it, and its files: all of it or nothing."""
    follows = act.text("then")
    files.check(act.uploads)
    hold_for = "customer" if follows == "wait" else ""
    message = talking.reply(**act.common, body=_written(act), hold_for=hold_for)
    drafts.spend(act.actor, message, "reply")
    files.keep(act.uploads, actor=act.actor, subject_kind="message", subject_id=message.pk, now=act.now)
    if follows == "resolve":
        handling.resolve(**act.common)


@short
def _note(act: Act) -> str:
    """A note and its files; returns a word on those it names who could not be told."""
    files.check(act.uploads)
    message = talking.note(**act.common, body=_written(act))
    drafts.spend(act.actor, message, "note")
    files.keep(act.uploads, actor=act.actor, subject_kind="message", subject_id=message.pk, now=act.now)
    blind = [m.person.name for m in message.mentions.filter(told=False).select_related("person")]
    return _("Not told, since they cannot see this ticket: %(names)s") % {"names": _(", ").join(blind)} if blind else ""


@short
def _call(act: Act) -> None:
    minutes = act.text("minutes") or "0"
    if not minutes.isdecimal() or len(minutes) > 4:
        raise Invalid.one("minutes", "not_a_number", value=minutes[:20])
    message = talking.call(
        **act.common,
        direction=act.text("direction"),
        duration_s=int(minutes) * 60,
        note=act.text("body"),
        recording_url=act.text("recording_url").strip(),
    )
    drafts.spend(act.actor, message, "call")


def _transfer(act: Act) -> None:
    kind, _colon, pk = act.text("to").partition(":")
    target = {"to_person": int(pk)} if kind == "person" else {"to_team": int(pk)}
    routing.transfer(**act.common, **target, reason=act.text("reason"), revision=act.values.get("revision"))  # type: ignore[arg-type]


def _priority(act: Act) -> None:
    values = {name: act.values[name] for name in ("priority", "reason", "revision")}
    handling.set_priority(**act.common, **values)


def _fields(act: Act) -> None:
    values = {name: act.values[name] for name in ("category", "channel", "tags", "revision")}
    handling.reclassify(**act.common, **values)


def _ask(act: Act) -> None:
    values = {name: act.values[name] for name in ("department", "kind", "question", "hold_ticket")}
    collaboration.ask(**act.common, **values)


def _hold(act: Act) -> None:
    handling.hold(**act.common, **{name: act.values[name] for name in ("reason", "note", "revision")})


def _resolve(act: Act) -> None:
    booked = codes.Booked(act.text("cause"), act.text("solution"), act.text("step"))
    handling.resolve(**act.common, note=act.text("note"), booked=booked, revision=act.values.get("revision"))


def _complete(act: Act) -> None:
    prefix = "fields."
    answers = {name.removeprefix(prefix): v for name, v in act.values.items() if name.startswith(prefix)}
    asking.complete(**act.common, values=answers)


def _hand_up(act: Act) -> None:
    lines.hand_up(**act.common, team=act.text("team"), reason=act.text("reason"))


def _split(act: Act) -> str:
    values = {name: act.values[name] for name in ("subject", "description", "category", "type", "take_it")}
    made = splitting.split(**act.common, part=splitting.Part(**values))
    return _("%(number)s was opened.") % {"number": made.number}


def _link(act: Act) -> None:
    links.link(**act.common, other=act.text("other").strip().upper())


def _offer(act: Act) -> None:
    values = {name: act.values[name] for name in ("kind", "value", "amount", "note", "shown")}
    offers.make(**act.common, new=offers.NewOffer(**values))


def _escalate(act: Act) -> None:
    handling.escalate(**act.common, level=int(act.values["level"]), reason=act.text("reason"))


VERBS: dict[str, Verb] = {
    "accept": Verb(lambda a: handling.accept(**a.common), "accept"),
    "resume": Verb(lambda a: handling.resume(**a.common), "resume"),
    "confirm": Verb(lambda a: handling.confirm(**a.common), "confirm"),
    "reply": Verb(_reply, "reply"),
    "note": Verb(_note, "note"),
    "call": Verb(_call, "reply"),
    "hold": Verb(_hold, "hold", _l("Put on hold"), _l("Hold"), desk_forms.HoldForm),
    "resolve": Verb(_resolve, "resolve", _l("Mark as solved"), _l("Solved"), desk_forms.ResolveForm),
    "reject": Verb(
        lambda a: handling.reject(**a.common, note=a.text("note")),
        "reject",
        _l("Not solved after all"),
        _l("Back to work"),
        desk_forms.NoteForm,
    ),
    "close": Verb(
        lambda a: handling.close(**a.common, note=a.text("note")),
        "close",
        _l("Close without waiting for the customer"),
        _l("Close"),
        desk_forms.NoteForm,
    ),
    "reopen": Verb(
        lambda a: handling.reopen(**a.common, reason=a.text("reason")),
        "reopen",
        _l("Reopen"),
        _l("Reopen"),
        desk_forms.ReopenForm,
    ),
    "transfer": Verb(_transfer, "assign", _l("Transfer"), _l("Transfer"), desk_forms.TransferForm),
    "priority": Verb(_priority, "priority", _l("Change the priority"), _l("Change"), desk_forms.PriorityForm),
    "escalate": Verb(_escalate, "escalate", _l("Escalate"), _l("Escalate"), desk_forms.EscalateForm),
    "dedicated": Verb(lambda a: routing.to_dedicated(**a.common), "assign"),
    "up": Verb(_hand_up, "hand_up", _l("Hand up to a higher line"), _l("Hand up"), desk_forms.HandUpForm),
    "flow": Verb(
        lambda a: flows.start(**a.common, flow=a.text("flow")),
        "flow",
        _l("Start a task flow"),
        _l("Start"),
        desk_forms.FlowForm,
    ),
    "offer": Verb(_offer, "offer", _l("Offer the customer something"), _l("Offer"), desk_forms.OfferForm),
    "complete": Verb(_complete, "reclassify", _l("Complete the details"), _l("Save"), desk_forms.CompleteForm),
    "fields": Verb(_fields, "reclassify", _l("Edit the fields"), _l("Save"), desk_forms.FieldsForm),
    "ask": Verb(_ask, "collaborate", _l("Ask another department"), _l("Send"), desk_forms.AskForm),
    "cancel": Verb(
        lambda a: handling.cancel(**a.common, reason=a.text("reason")),
        "cancel",
        _l("Cancel the ticket"),
        _l("Cancel the ticket"),
        desk_forms.ReasonForm,
        is_danger=True,
    ),
    "split": Verb(_split, "split", _l("Split off a request"), _l("Open the ticket"), desk_forms.SplitForm),
    "link": Verb(_link, "link", _l("Link to another ticket"), _l("Link"), desk_forms.LinkForm),
    "merge": Verb(
        lambda a: handling.merge(**a.common, into=a.text("into").strip().upper()),
        "merge",
        _l("Merge into another ticket"),
        _l("Merge"),
        desk_forms.MergeForm,
        is_danger=True,
    ),
}


# --- the view --------------------------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "POST"])
def do(request: HttpRequest, number: str, verb: str) -> HttpResponse:
    """Run a verb on a ticket, or show its form."""
    spec = VERBS.get(verb)
    if spec is None:
        raise Http404(verb)
    if spec.form is not None:
        return ask(request, _task(request, number, verb, spec, spec.form))
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    try:
        said = spec.run(_act(request, number, request.POST.dict()))
    except Conflict as refused:
        if is_fragment(request) and refused.faults[0].code == "new_messages":
            return _look_first(request, number, refused)
        raise
    if request.POST.get("then") == "next":
        return _next(request, number)
    return done(request, number, said if isinstance(said, str) else "")


def _look_first(request: HttpRequest, number: str, refused: Conflict) -> HttpResponse:
    """Others said something meanwhile: the composer keeps the text, shows that, and would send it the next time."""
    ticket = ticket_page.load(actor_of(request), number)
    context = {"refused": refused, "composer": compose.composer(actor_of(request), ticket)}
    response = render(request, "desk/parts/stale.html", context, status=refused.status)
    response["HX-Retarget"], response["HX-Reswap"] = "#stale-reply", "innerHTML"
    return response


def _next(request: HttpRequest, number: str) -> HttpResponse:
    """The most urgent of one's own tickets that wants something done, beside the list or as a page."""
    following = work.next_number(actor_of(request), number)
    if following is None:
        return go(request, reverse("desk:work"), _("Sent. Nothing else waits for you."))
    if not is_fragment(request):
        return go(request, reverse("desk:ticket", args=[following]))
    context = ticket_pages.context(request, following)
    if not context["beside"]:
        return go(request, reverse("desk:ticket", args=[following]))
    response = render(request, "desk/ticket_done.html", context)
    response["HX-Push-Url"] = f"{reverse('desk:work')}?ticket={following}"
    return response


def _act(request: HttpRequest, number: str, values: dict[str, Any]) -> Act:
    uploads = [f for f in request.FILES.getlist("files") if isinstance(f, UploadedFile)]
    chosen = [pk for pk in request.POST.getlist("mention") if pk.isascii() and pk.isdigit() and len(pk) < 19]
    return Act(actor_of(request), number, values, uploads, timezone.now(), tuple(int(pk) for pk in chosen))


def _task(request: HttpRequest, number: str, verb: str, spec: Verb, form: type[desk_forms.VerbForm]) -> Task:
    actor = actor_of(request)
    ticket = ticket_page.load(actor, number)
    if request.method == "GET":
        _expect_allowed(actor, ticket, spec.rule)

    to = request.GET.get("to", "") if verb == "transfer" else ""

    def make(**kwargs: Any) -> forms.Form:
        return form(ticket=ticket, initial={"to": to} if to else None, **kwargs)

    said: list[str] = []

    def run(values: dict[str, Any]) -> None:
        told = spec.run(_act(request, number, values))
        said.extend([told] if isinstance(told, str) else [])

    extra: dict[str, Any] = {"ticket": ticket}
    if verb == "transfer":
        extra |= {"agents": people.to_transfer(actor, ticket), "teams": people.teams()}
        extra["refusal"] = people.why_not(ticket, to)
    return Task(
        title=str(spec.title),
        submit=str(spec.submit),
        action=reverse("desk:do", args=[number, verb]),
        make=make,
        run=run,
        done=lambda: done(request, number, "".join(said)),
        extra=extra,
        is_danger=spec.is_danger,
        revision=lambda: ticket_page.load(actor, number).revision,
    )


def _expect_allowed(actor: Actor, ticket: Ticket, rule: str) -> None:
    """No form for what would be refused anyway: first the state's reason, then the right's."""
    if rule in allowed(actor, ticket):
        return
    holding.decide(ticket, rule)
    raise Denied("desk.handle")


def done(request: HttpRequest, number: str, message: str = "") -> HttpResponse:
    """After a verb: back where it came from, or the ticket as it is now."""
    if url := next_url(request):
        return go(request, url, message)
    try:
        if not is_fragment(request):
            ticket_page.load(actor_of(request), number)
            return go(request, reverse("desk:ticket", args=[number]), message)
        context = ticket_pages.context(request, number)
    except NotFound:  # given away, out of one's own sight
        return go(request, reverse("desk:work"), _("%(number)s is with others now.") % {"number": number})
    if message:
        messages.success(request, message)
    return render(request, "desk/ticket_done.html", context)
