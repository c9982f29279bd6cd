"""Reports: figures over a period, the tracking table, the standards table, and the tickets behind each figure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from jiying.base.context import actor_of
from jiying.base.models import Team
from jiying.base.texts import term
from jiying.core.metrics import KPIS
from jiying.core.periods import KINDS
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.desk.policies import Scope, scope
from jiying.desk.queries import categories
from jiying.insight import forms
from jiying.insight.pages import why
from jiying.insight.queries import behind, charts, kpis, reports, tables, wording
from jiying.insight.queries.counting import CHOICES
from jiying.insight.queries.reports import KpiFigure, Report, ReportLine, Wanted
from jiying.insight.services import workbook
from jiying.warehouse import reader

LINES = 50  # people that a page lists at first, who solved most
Page = Callable[..., HttpResponse]


def counted(page: Page) -> Page:
    """A page that counts in the columnar copy; where there is none it says so, and what to do."""

    @wraps(page)
    def opened(request: HttpRequest, **named: int) -> HttpResponse:
        try:
            return page(request, **named)
        except reader.Missing as missing:
            return render(request, "insight/no_copy.html", {"why": str(missing), "tabs": tabs("")}, status=503)

    return opened


@login_required
@require_GET
@counted
def show(request: HttpRequest) -> HttpResponse:
    part, wanted = scope(actor_of(request)), forms.wanted(request.GET, timezone.now())
    n_lines = first_lines(request)
    found = reports.report(part, wanted, timezone.now(), n_lines)
    context = {**_frame(wanted, "show", part), **shown(found, wanted, n_lines)}
    return render(request, "insight/report.html", context)


def first_lines(request: HttpRequest) -> int | None:
    """How many people a page lists; None for all, which it offers."""
    return None if request.GET.get("lines") == "all" else LINES


@login_required
@require_GET
@counted
def tracking(request: HttpRequest) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    part, wanted = scope(actor), forms.wanted(request.GET, now)
    offset = request.GET.get("offset", "")
    begins = int(offset) if offset.isascii() and offset.isdigit() and len(offset) < 8 else 0
    found = tables.tracking(actor, wanted, now, begins)
    following = wording.address("reports:tracking", wanted, offset=found.next_offset) if found.next_offset else ""
    pages = {
        "n_shown": len(found.items),
        "first_url": wording.address("reports:tracking", wanted) if offset else "",
        "next_url": following,
    }
    context = {**_frame(wanted, "tracking", part), "tracking": found, "page": pages}
    return render(request, "insight/tracking.html", context)


@login_required
@require_GET
def standards(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    found = tables.standards(actor_of(request), now)
    return render(request, "insight/standards.html", {"standards": found, "tabs": tabs("standards"), "wanted": None})


@login_required
@require_GET
@counted
def cases(request: HttpRequest) -> HttpResponse:
    """The tickets that a figure counts."""
    actor, now = actor_of(request), timezone.now()
    seen = scope(actor)
    key, wanted = forms.kpi(request.GET), forms.wanted(request.GET, now, CHOICES)
    found = behind.tickets(actor, key, wanted, forms.part(request.GET), now)
    kpi = KPIS[key]
    context = {
        "behind": found,
        "title": kpis.name(key),
        "hint": kpis.hint(key),
        "slices": [reports.labels(by, [value]).get(value, value) for by, value in wanted.where],
        "period": reports.title(wanted.period),
        "rows": [(row, wording.told(key, row.value) if row.value is not None else "") for row in found.items],
        "has_value": bool(kpi.value),
        "has_hit": kpi.measure == "rate",
        "report_url": wording.address("reports:show", Wanted(wanted.period)),
        "shown": behind.SHOWN,
        "why": why.panel(seen, key, wanted, now) if "part" not in request.GET else None,
    }
    return render(request, "insight/behind.html", context)


@login_required
@require_GET
@counted
def file(request: HttpRequest) -> HttpResponse:
    """The report with both tables as a workbook."""
    actor, now = actor_of(request), timezone.now()
    wanted = forms.wanted(request.GET, now)
    made = workbook.make(actor, reports.report(scope(actor), wanted, now), wanted, now)
    response = HttpResponse(made, content_type=workbook.TYPE)
    response["Content-Disposition"] = f'attachment; filename="report-{wanted.period.first}-{wanted.period.last}.xlsx"'
    return response


# --- what templates show ---------------------------------------------------------------------------------------------


def shown(report: Report, wanted: Wanted, n_lines: int | None = None) -> dict[str, Any]:
    """A report in words; each figure with the address of its tickets. Of people the first lines, or all."""
    told = _Told(wanted)
    return {
        "report": report,
        "whole": [told.figure(one) for one in report.whole],
        "sections": [
            _section("channel", _("By channel"), report.channels, told),
            _section("priority", _("By priority"), report.priorities, told),
            _section("agent", _("By agent"), report.agents[:n_lines], told, report.n_agents),
        ],
        "stretches": [wording.stretch(report.edges_s, n) for n in range(len(report.edges_s) + 1)],
        "handling_chart": charts.handling(report),
        "causes_chart": charts.causes(report),
        "handling": [_stretches(line, report.edges_s, told) for line in report.handling],
        "causes": [{"row": row, "url": told.behind("tickets_late", cause=row.value)} for row in report.causes],
        "hints": {key: kpis.hint(key) for key in KPIS},
        "is_empty": not any(figure.n for figure in report.whole),
    }


def _section(by: str, heading: str, lines: Sequence[ReportLine], told: "_Told", n_all: int = 0) -> dict[str, Any]:
    keys = reports.SECTIONS[by]
    return {
        "by": by,
        "heading": heading,
        "kpis": [
            {"key": key, "name": kpis.name(key), "hint": kpis.hint(key), "is_spread": KPIS[key].measure == "spread"}
            for key in keys
        ],
        "chart": charts.attainment(heading, lines) if by in ("channel", "priority") else None,
        "chart_id": f"chart-{by}",
        "lines": [_Line(by, line, told) for line in lines],
        "n_lines": n_all if n_all > len(lines) else 0,
    }


@dataclass(frozen=True)
class _Line:
    """A line of a section: its figures one by one, or as the cells of a table."""

    by: str
    line: ReportLine
    told: "_Told"

    @property
    def value(self) -> str:
        return self.line.value

    @property
    def label(self) -> str:
        return self.line.label

    @property
    def figures(self) -> list[dict[str, Any]]:
        return [self.told.figure(one, **{self.by: self.value}) for one in self.line.figures]

    @property
    def cells(self) -> SafeString:
        return SafeString("".join(self.told.cell(one, **{self.by: self.value}) for one in self.line.figures))


class _Told:
    """Figures of one period and filter in words; what is the same of many is worked out once."""

    def __init__(self, wanted: Wanted) -> None:
        self._of = {key: self._about(key) for key in KPIS}
        self._address = wording.addresses("reports:cases", wanted)

    @staticmethod
    def _about(key: str) -> dict[str, Any]:
        name, hint = kpis.name(key), kpis.hint(key)
        is_spread = KPIS[key].measure == "spread"
        return {
            "key": key,
            "name": name,
            "hint": hint,
            "is_spread": is_spread,
            "label": escape(name),
            "title": escape(f"{name}: {hint}"),
        }

    def figure(self, row: KpiFigure, **slices: str) -> dict[str, Any]:
        return {
            **self._of[row.kpi],
            "row": row,
            "text": wording.told(row.kpi, row.value),
            "median": wording.length(row.median) if row.median is not None else "",
            "p90": wording.length(row.p90) if row.p90 is not None else "",
            "before": wording.told(row.kpi, row.before),
            "change": wording.change(row),
            "interval": _interval(row),
            "url": self.behind(row.kpi, **slices) if row.n else "",
        }

    def cell(self, row: KpiFigure, **slices: str) -> str:
        """A figure as a table's cell, in HTML: there are hundreds, and a template takes several times as long."""
        of, text = self._of[row.kpi], str(escape(wording.told(row.kpi, row.value)))
        if row.n:
            marks = (" is-few" if row.few else "") + (" is-short" if row.reached is False else "")
            url = escape(self.behind(row.kpi, **slices))
            text = f'<a class="jy-reportvalue{marks}" href="{url}" title="{of["title"]}">{text}</a>'
        else:
            text = f'<span class="text-secondary">{text}</span>'
        beside = ""
        if row.median is not None and row.p90 is not None:
            beside = escape(f"{wording.length(row.median)} · {wording.length(row.p90)}")
        elif row.hits is not None and row.n:
            beside = f"{row.hits}/{row.n}"
        if beside:
            beside = f' <small class="text-secondary" title="{_interval(row)}">{beside}</small>'
        return f'<td class="num nowrap" data-label="{of["label"]}">{text}{beside}</td>'

    def behind(self, key: str, **more: object) -> str:
        return self._address(kpi=key, **more)


def _interval(row: KpiFigure) -> str:
    return f"{row.low}–{row.high}%" if row.low is not None else ""


def _stretches(line: reports.DistributionLine, edges: list[int], told: _Told) -> dict[str, Any]:
    bounds = [None, *edges, None]
    cells = [
        {"n": n, "url": told.behind("handling_time", priority=line.value, low=bounds[at], high=bounds[at + 1])}
        for at, n in enumerate(line.counts)
    ]
    return {"label": line.label, "cells": cells}


def _frame(wanted: Wanted, active: str, part: Scope) -> dict[str, Any]:
    """Tabs, the form of period and filter, and the neighbours of the period."""
    period, where = wanted.period, dict(wanted.where)
    teams = Team.objects.order_by("name") if part.team_id is None else Team.objects.filter(pk=part.team_id)
    options: Mapping[str, Sequence[tuple[str, str]]] = {
        "channel": [(code, term("channel", code)) for code in CHANNELS],
        "priority": [(code, f"{code} {term('priority', code)}") for code in PRIORITIES],
        "team": [(str(team.pk), team.name) for team in teams],
        "category": [(choice.path, choice.label) for choice in categories.choices()],
    }
    return {
        "wanted": wanted,
        "period": period,
        "title": reports.title(period),
        "kinds": KINDS,
        "filters": [(name, term("report_any", name), options[name], where.get(name, "")) for name in reports.FILTERS],
        "earlier_url": wording.address(f"reports:{active}", Wanted(period.before, wanted.where)),
        "later_url": wording.address(f"reports:{active}", Wanted(period.after, wanted.where)),
        "file_url": wording.address("reports:file", wanted),
        "pdf_url": wording.address("reports:pdf", wanted),
        "action": reverse(f"reports:{active}"),
        "tabs": tabs(active, wanted),
    }


def tabs(active: str, wanted: Wanted | None = None) -> list[dict[str, Any]]:
    found = [
        ("show", _("Report"), "reports:show"),
        ("kept", _("Kept reports"), "reports:kept"),
        ("tracking", _("Tracking table"), "reports:tracking"),
        ("standards", _("Standards table"), "reports:standards"),
        ("kpis", _("KPI library"), "kpis:kpis"),
    ]
    return [
        {
            "label": label,
            "url": wording.address(name, wanted) if wanted and key in ("show", "tracking") else reverse(name),
            "active": key == active,
        }
        for key, label, name in found
    ]
