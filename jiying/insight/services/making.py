"""Daily, weekly and monthly reports (I1): made by the worker when their period is over, kept, told to subscribers.

Counted outside of any transaction; written in a short one. Where the columnar copy is missing or behind, they wait.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime

from django.core.serializers.json import DjangoJSONEncoder
from django.urls import reverse
from django.utils import timezone

from jiying.alerts.services.raising import Notice, raise_alerts
from jiying.base import journal, subjects
from jiying.base.actor import SYSTEM, Actor, of_person
from jiying.base.errors import Denied, Invalid, Refused
from jiying.base.models import Person, Team
from jiying.base.texts import term
from jiying.base.transactions import short
from jiying.core.periods import Kind, Period, of
from jiying.desk.models import Ticket
from jiying.desk.policies import WATCHING, Scope, scope
from jiying.insight.models import KeptReport, ReportSubscription
from jiying.insight.queries import kept, reports
from jiying.insight.services import workbook
from jiying.warehouse import reader

KIND = "report"
BACK: Mapping[Kind, int] = {"day": 7, "week": 4, "month": 3}  # how many are made up for after an outage
A_TURN = 6  # so many in one turn: other periodic tasks wait meanwhile
EVERY_S = 60
BEHIND_S = 60.0


def is_due() -> bool:
    """Whether there is anything to count in: an installation without DuckDB makes none."""
    return reader.is_installed()


def make_due(at: datetime) -> None:
    """All reports whose period is over and that are not kept yet, some in each turn, the newest first."""
    try:
        state = reader.state()
    except reader.Missing:
        return
    if state.behind_s > BEHIND_S:
        return
    for period, team_id in list(_missing(at))[:A_TURN]:
        wanted = reports.Wanted(period)
        _keep(period, team_id, reports.report(Scope(team_id), wanted, at), now=at)


def _missing(at: datetime) -> Iterator[tuple[Period, int | None]]:
    first = Ticket.objects.order_by("received_at").values_list("received_at", flat=True).first()
    if first is None:
        return
    zone = reports.site_zone()
    today, begun = at.astimezone(zone).date(), first.astimezone(zone).date()
    teams: list[int | None] = [None, *Team.objects.order_by("pk").values_list("pk", flat=True)]
    periods = []
    for kind, n in BACK.items():
        period = of(kind, today)
        for _n in range(n):
            period = period.before
            if period.last >= begun:  # before its first ticket a house has nothing to report
                periods.append(period)
    oldest = min((one.first for one in periods), default=today)
    made = set(KeptReport.objects.filter(first__gte=oldest).values_list("kind", "first", "team_id"))
    for period in sorted(periods, key=lambda one: one.last, reverse=True):
        yield from ((period, team) for team in teams if (period.kind, period.first, team) not in made)


@short
def _keep(period: Period, team_id: int | None, report: reports.Report, *, now: datetime) -> None:
    """Keep a report; subscribers hear of the newest of its kind."""
    body = json.loads(json.dumps(asdict(report), cls=DjangoJSONEncoder))
    about = {"last": period.last, "made_at": now, "body": body}
    team = None if team_id is None else Team.objects.get(pk=team_id)
    row, is_new = KeptReport.objects.get_or_create(kind=period.kind, first=period.first, team=team, defaults=about)
    is_newest = period == of(period.kind, now.astimezone(reports.site_zone()).date()).before
    people = _subscribers(period.kind, team_id) if is_new and is_newest else []
    if is_new:
        rings = [f"person:{person}" for person in people]
        facts = [journal.Fact(KIND, row.pk, "report.made", now, {"kind": period.kind}, rings)]
        journal.record(SYSTEM, facts, now=now)
    raise_alerts([_notice(row, person, now) for person in people], now=now)


def _subscribers(kind: str, team_id: int | None) -> list[int]:
    """Who subscribed and sees these figures: the whole's, or just the own team's."""
    wanted = Person.objects.filter(
        is_active=True, pk__in=ReportSubscription.objects.filter(kind=kind).values("person_id")
    )
    return [person.pk for person in wanted.prefetch_related("roles") if _part(of_person(person)) == Scope(team_id)]


def _part(actor: Actor) -> Scope | None:
    try:
        return scope(actor)
    except Denied:
        return None


def _notice(row: KeptReport, person_id: int, now: datetime) -> Notice:
    return Notice(
        key=f"report:{row.pk}:{person_id}",
        person_id=person_id,
        capacity="subscriber",
        kind="report.made",
        severity="notice",
        subject_kind=KIND,
        subject_id=row.pk,
        at=now,
        ways=("mail",),
    )


@short
def subscribe(*, actor: Actor, kinds: Collection[str], now: datetime) -> None:
    """From now on the actor is told of reports of these kinds, and of no others."""
    scope(actor)
    if unknown := [kind for kind in kinds if kind not in BACK]:
        raise Invalid.one("kinds", "unknown_value", value=unknown[0][:40], known=", ".join(BACK))
    if actor.person is None:
        raise Denied(WATCHING)
    held = ReportSubscription.objects.filter(person=actor.person)
    known = set(held.values_list("kind", flat=True))
    if known == set(kinds):
        return
    held.exclude(kind__in=kinds).delete()
    ReportSubscription.objects.bulk_create(
        [ReportSubscription(person=actor.person, kind=kind) for kind in sorted(set(kinds) - known)],
        ignore_conflicts=True,
    )
    fact = journal.Fact("person", actor.person.pk, "report.subscribed", now, {"kinds": sorted(kinds)})
    journal.record(actor, [fact], now=now)


def file_of(actor: Actor, report_id: int) -> subjects.Enclosure | None:
    """The workbook of a report, as its reader may see it."""
    try:
        row, report = kept.one(actor, report_id)
        wanted = reports.Wanted(kept.period(row), (("team", str(row.team_id)),) if row.team_id else ())
        made = workbook.make(actor, report, wanted, timezone.now())
    except (Refused, reader.Missing):
        return None
    return subjects.Enclosure(f"report-{row.first}-{row.last}.xlsx", made, workbook.TYPE)


# --- as a kind of subject: what an alert says of a report ------------------------------------------------------------


def _describe(ids: Collection[int]) -> Mapping[int, subjects.Described]:
    return {
        row.pk: subjects.Described(
            term("report_made", row.kind), reports.title(kept.period(row)), reverse("reports:one", args=[row.pk])
        )
        for row in KeptReport.objects.filter(pk__in=ids).defer("body")
    }


SUBJECT = subjects.Kind(
    name=KIND,
    lock=lambda ids, skip_locked: KeptReport.objects.select_for_update(skip_locked=skip_locked).in_bulk(ids),
    visible=lambda actor, report_id: kept.sees(actor, report_id),
    describe=_describe,
    still_true=lambda ids: set(KeptReport.objects.filter(pk__in=ids).values_list("pk", flat=True)),
    enclosed=file_of,
)
