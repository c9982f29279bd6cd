"""The page of a department that is asked (协作请求): its questions with their clocks, and how it kept its promises."""

from typing import Any

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from jiying.base.context import actor_of
from jiying.base.texts import term
from jiying.clocks import queries as clocks
from jiying.clocks.pages import standard_words as words
from jiying.clocks.pages.cells import names_of
from jiying.core.standards import ANY
from jiying.desk import forms as desk_forms
from jiying.desk.pages import filtering
from jiying.desk.pages.answers import Task, ask
from jiying.desk.pages.asking import asked_for
from jiying.desk.pages.verbs import done
from jiying.desk.queries import asked as queries
from jiying.desk.services import responding


@login_required
@require_GET
def show(request: HttpRequest) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    asked = {name: request.GET.get(name, "").strip()[:80] for name in ("department", "show", "row", "verdict")}
    wanted = queries.Wanted(
        show=asked["show"] if asked["show"] in queries.SHOWN else queries.OPEN,
        row=asked["row"],
        verdict=asked["verdict"] if asked["verdict"] in (queries.MET, queries.BREACHED) and asked["row"] else "",
        cursor=request.GET.get("cursor", "")[:200],
    )
    of = queries.department(actor, asked["department"])
    if of is None:
        return render(request, "desk/asked.html", {"board": None})
    board, url = queries.board(actor, of, wanted, now), reverse("desk:asked")
    kept = {"department": asked["department"], "show": "", "row": wanted.row, "verdict": wanted.verdict}
    context = {
        "board": board,
        "wanted": wanted,
        "departments": queries.departments(actor),
        "here": request.get_full_path(),
        "tabs": [_tab(url, code, wanted, asked["department"], board) for code in queries.SHOWN],
        "figures": _figures(board, url, asked["department"], wanted),
        "behind": words.kind(wanted.row.partition("/")[2].strip("*") or None) if wanted.verdict else "",
        "page": {
            "n_shown": len(board.items),
            "first_url": filtering.address(url, {**kept, "show": wanted.show}) if wanted.cursor else "",
            "next_url": filtering.address(url, {**kept, "show": wanted.show, "cursor": board.next})
            if board.next
            else "",
        },
    }
    return render(request, "desk/asked.html", context)


def _tab(url: str, code: str, wanted: queries.Wanted, department: str, board: queries.Board) -> dict[str, Any]:
    counts = {queries.OPEN: board.n_open, queries.LATE: board.n_late}
    return {
        "label": term("asked_show", code),
        "url": filtering.address(url, {"department": department, "show": "" if code == queries.OPEN else code}),
        "active": code == wanted.show and not wanted.verdict,
        "count": counts.get(code, ""),
    }


def _figures(board: queries.Board, url: str, department: str, wanted: queries.Wanted) -> list[dict[str, Any]]:
    """Each with what was promised, and the address of the questions behind its two numbers."""
    now = timezone.now()
    held, names = clocks.agreements(now), names_of(now)
    agreement = held.get(board.department.code) or held.get(ANY)
    found = []
    for one in board.figures:
        entry = agreement.entry_for(one.kind or None) if agreement else None
        about = {"department": department, "row": one.row}
        found.append(
            {
                "kind": words.kind(one.kind or None),
                "target": words.target(entry.target, names) if entry else "",
                "rate": "—" if one.rate is None else f"{one.rate:.1%}",
                "n_met": one.n_met,
                "n_late": one.n_late,
                "met_url": filtering.address(url, {**about, "verdict": queries.MET}),
                "late_url": filtering.address(url, {**about, "verdict": queries.BREACHED}),
                "chosen": wanted.verdict if wanted.row == one.row else "",
            }
        )
    return found


@login_required
@require_http_methods(["GET", "POST"])
def decline(request: HttpRequest, pk: int) -> HttpResponse:
    """It is not for this department, with the reason."""
    actor = actor_of(request)
    found = asked_for(actor, pk)
    task = Task(
        title=_("Decline for %(department)s") % {"department": found.department.label},
        submit=_("Decline"),
        action=reverse("desk:decline_asked", args=[pk]),
        make=lambda **kwargs: desk_forms.DeclineForm(ticket=found.ticket, **kwargs),
        run=lambda values: responding.decline(
            actor=actor, collaboration_id=pk, reason=values["reason"], now=timezone.now()
        ),
        done=lambda: done(request, found.ticket.number),
        extra={"ticket": found.ticket},
        text=found.question,
        is_danger=True,
    )
    return ask(request, task)


@login_required
@require_http_methods(["GET", "POST"])
def hand_on(request: HttpRequest, pk: int) -> HttpResponse:
    """To another department."""
    actor = actor_of(request)
    found = asked_for(actor, pk)

    def make(**kwargs: Any) -> forms.Form:
        return desk_forms.HandOnForm(ticket=found.ticket, without=found.department_id, **kwargs)

    task = Task(
        title=_("Hand on to another department"),
        submit=_("Hand on"),
        action=reverse("desk:hand_on_asked", args=[pk]),
        make=make,
        run=lambda values: responding.hand_on(
            actor=actor,
            collaboration_id=pk,
            department=values["department"],
            note=values["note"],
            now=timezone.now(),
        ),
        done=lambda: done(request, found.ticket.number),
        extra={"ticket": found.ticket},
        text=found.question,
    )
    return ask(request, task)


@login_required
@require_http_methods(["GET", "POST"])
def name_people(request: HttpRequest, pk: int) -> HttpResponse:
    """Who answers, and who helps."""
    actor = actor_of(request)
    found = asked_for(actor, pk)

    def make(**kwargs: Any) -> forms.Form:
        initial = {"person": found.person_id or "", "helpers": [str(one) for one in found.helpers]}
        return desk_forms.RespondersForm(ticket=found.ticket, of=found.department_id, initial=initial, **kwargs)

    task = Task(
        title=_("Who answers for %(department)s") % {"department": found.department.label},
        submit=_("Save"),
        action=reverse("desk:name_asked", args=[pk]),
        make=make,
        run=lambda values: responding.name_people(
            actor=actor,
            collaboration_id=pk,
            person_id=int(values["person"]) if values["person"] else None,
            helper_ids=[int(one) for one in values["helpers"]],
            now=timezone.now(),
        ),
        done=lambda: done(request, found.ticket.number),
        extra={"ticket": found.ticket},
        text=found.question,
    )
    return ask(request, task)
