"""Actions on many tickets of a list: forms in the dialog, what came of it above the list, undo. Services decide."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from jiying.base import fields
from jiying.base.actor import Actor
from jiying.base.context import actor_of
from jiying.base.errors import Denied
from jiying.base.texts import term
from jiying.core.standards import PRIORITIES
from jiying.desk.models import CannedText
from jiying.desk.pages import filtering
from jiying.desk.pages.answers import Task, ask, go, next_url
from jiying.desk.policies import canned_reach
from jiying.desk.queries import bulk_actions, categories, people
from jiying.desk.queries.filters import read
from jiying.desk.services import bulk_actions as service


class _Form(forms.Form):
    """`numbers`: the chosen tickets; `everything`: all that the list of `query` holds."""

    numbers = forms.CharField(required=False, widget=forms.HiddenInput)
    everything = forms.CharField(required=False, widget=forms.HiddenInput)
    query = forms.CharField(required=False, widget=forms.HiddenInput)


class AssignForm(_Form):
    to = fields.choice(_l("To"), required=True)
    reason = fields.text(_l("Reason"), rows=2)

    def prepare(self, actor: Actor, numbers: list[str]) -> None:
        self.fields["to"].choices = [  # type: ignore[attr-defined]
            ("", "–"),
            (_("Agents"), [(f"person:{pk}", name) for pk, name in people.names()]),
            (_("Back to the queue of"), [(f"team:{team.pk}", team.name) for team in people.teams()]),
        ]


class PriorityForm(_Form):
    priority = fields.choice(_l("Priority"), required=True)
    reason = fields.text(_l("Reason"), required=True, rows=2)

    def prepare(self, actor: Actor, numbers: list[str]) -> None:
        self.fields["priority"].choices = [(p, f"{p} {term('priority', p)}") for p in PRIORITIES]  # type: ignore[attr-defined]


class TagForm(_Form):
    add = fields.line(_l("Add"), hint=_l("Several tags: parted by commas."), limit=400)
    remove = fields.line(_l("Take away"), limit=400)

    def prepare(self, actor: Actor, numbers: list[str]) -> None:
        """Nothing depends on rows."""


class CategoryForm(_Form):
    category = fields.choice(_l("Category"), required=True)

    def prepare(self, actor: Actor, numbers: list[str]) -> None:
        self.fields["category"].choices = [(c.path, c.label) for c in categories.choices()]  # type: ignore[attr-defined]


class ReplyForm(_Form):
    canned = fields.choice(_l("Canned text"))
    body = fields.text(_l("Reply to every customer"), required=True, rows=6)
    then = fields.choice(_l("And then"))

    def prepare(self, actor: Actor, numbers: list[str]) -> None:
        texts = CannedText.objects.filter(canned_reach(actor)).order_by("title")
        self.fields["canned"].choices = [("", "–"), *((text.body, text.title) for text in texts[:200])]  # type: ignore[attr-defined]
        self.fields["canned"].widget.attrs["data-fills"] = "id_body"
        self.fields["then"].choices = [  # type: ignore[attr-defined]
            ("", _("Nothing more")),
            ("wait", _("Wait for the customer")),
            ("resolve", _("Mark as solved")),
        ]


class NoteForm(_Form):
    note = fields.text(_l("Note"), rows=2)

    def prepare(self, actor: Actor, numbers: list[str]) -> None:
        """Nothing depends on rows."""


class MergeForm(_Form):
    into = fields.line(
        _l("Number of the ticket that stays"), required=True, hint=_l("The others become its duplicates."), limit=400
    )

    def prepare(self, actor: Actor, numbers: list[str]) -> None:
        self.fields["into"].initial = numbers[0] if numbers else ""


@dataclass(frozen=True)
class Act:
    title: str | Promise
    submit: str | Promise
    form: type[Any]
    is_danger: bool = False


ACTS: dict[str, Act] = {
    "assign": Act(_l("Transfer"), _l("Transfer"), AssignForm),
    "priority": Act(_l("Change the priority"), _l("Change"), PriorityForm),
    "tag": Act(_l("Change the tags"), _l("Change"), TagForm),
    "category": Act(_l("Change the category"), _l("Change"), CategoryForm),
    "reply": Act(_l("Reply to all of them"), _l("Send"), ReplyForm),
    "resolve": Act(_l("Mark as solved"), _l("Solved"), NoteForm),
    "close": Act(_l("Close without waiting for the customers"), _l("Close"), NoteForm),
    "merge": Act(_l("Merge into one ticket"), _l("Merge"), MergeForm, is_danger=True),
}


@login_required
@require_http_methods(["GET", "POST"])
def do(request: HttpRequest, action: str) -> HttpResponse:
    """Ask what to do with the chosen tickets, and do it."""
    actor, act = actor_of(request), ACTS.get(action)
    if act is None:
        raise Http404(action)
    if action not in bulk_actions.offered(actor):
        raise Denied(sorted(bulk_actions.RIGHTS[action])[0])
    values = request.POST if request.method == "POST" else request.GET
    picked = _picked(actor, values)
    initial = {
        "numbers": ",".join(picked.numbers) if not values.get("everything") else "",
        "everything": values.get("everything", ""),
        "query": values.get("query", ""),
    }
    made: list[int] = []

    def make(**given: Any) -> forms.Form:
        form: forms.Form = act.form(initial=initial, **given)
        form.prepare(actor, picked.numbers)  # type: ignore[attr-defined]
        return form

    def perform(cleaned: dict[str, Any]) -> None:
        wanted = service.Bulk(action, picked.numbers, _values(cleaned))
        made.append(service.start(actor=actor, bulk=wanted, now=timezone.now()).pk)

    return ask(
        request,
        Task(
            title=str(act.title),
            submit=str(act.submit),
            action=reverse("desk:bulk", args=[action]),
            make=make,
            run=perform,
            done=lambda: go(request, _back(request, made[0])),
            extra={"selection": picked, "limit": bulk_actions.MAX, **_choices(actor, action)},
            is_danger=act.is_danger,
            target="#d-verb-body",
        ),
    )


def _choices(actor: Actor, action: str) -> dict[str, Any]:
    """Who may get the tickets, as the form of one ticket shows them."""
    return {"agents": people.to_take_many(actor), "teams": people.teams()} if action == "assign" else {}


def _picked(actor: Actor, values: QueryDict) -> bulk_actions.Chosen:
    """The boxes that were ticked, or everything in the list that the query tells."""
    if values.get("everything"):
        filters = read(QueryDict(values.get("query", "")).dict())
        return bulk_actions.chosen(actor, [], filters, timezone.now())
    numbers = [*values.getlist("ticket"), *values.get("numbers", "").split(",")]
    return bulk_actions.chosen(actor, [n.strip().upper() for n in numbers if n.strip()], None, timezone.now())


def _values(cleaned: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in cleaned.items() if name not in ("numbers", "everything", "query")}
    for name in ("add", "remove"):
        if name in values:
            values[name] = [tag.strip() for tag in values[name].replace("，", ",").split(",") if tag.strip()]
    return values


def _back(request: HttpRequest, pk: int) -> str:
    """The list that the tickets were chosen in, with what came of it."""
    query = QueryDict(request.POST.get("query", "")).dict()
    return filtering.address(next_url(request) or reverse("desk:tickets"), query, bulk=str(pk), cursor="")


@login_required
@require_GET
def run(request: HttpRequest, pk: int) -> HttpResponse:
    """How a run stands: a fragment that fetches itself while it goes on."""
    found = bulk_actions.row(bulk_actions.job_of(actor_of(request), pk), timezone.now())
    return render(request, "desk/parts/bulk_result.html", {"bulk": found})


@login_required
@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Take it back."""
    job = service.undo(actor=actor_of(request), job_id=pk, now=timezone.now())
    return go(request, f"{reverse('desk:tickets')}?bulk={job.pk}")


@login_required
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a run that goes on."""
    service.cancel(actor=actor_of(request), job_id=pk, now=timezone.now())
    return go(request, f"{reverse('desk:tickets')}?bulk={pk}", _("It stops after the present ticket."))
