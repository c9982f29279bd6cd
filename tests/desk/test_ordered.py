"""Lists in order: what each person sees is merged from ways, equal to one filter, and read from indexes only."""

import random
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jiying.base.models import Person
from jiying.desk.models import Collaboration, Ticket
from jiying.desk.policies import reach, visible
from jiying.desk.queries import filters, lists, ordered
from tests.cast import Cast

WHO = ("lin", "wang", "sup", "he", "adm")


@pytest.fixture
def full(cast: Cast) -> Cast:
    """300 tickets of every kind: of both teams and none, of somebody and nobody, due and not, late, ended."""
    draw = random.Random(5)  # noqa: S311 - made-up tickets
    people = [None, cast.lin, cast.wang, cast.zhao]
    rows = []
    for n in range(300):
        hours = draw.choice([None, draw.randrange(-4, 9)])
        status = draw.choice(["new", "assigned", "waiting", "in_progress", "closed"])
        at = cast.now - timedelta(minutes=draw.randrange(40))
        rows.append(
            Ticket(
                number=f"GD20260909{n:04d}",
                subject=f"工单 {n}",
                channel=draw.choice(["web", "phone", "chat"]),
                priority=draw.choice(["P1", "P2", "P3", "P4"]),
                priority_source="rule",
                tier=draw.choice(["standard", "standard", "vip"]),
                status=status,
                team=draw.choice([None, cast.team1, cast.team2]),
                assignee=draw.choice(people),
                opened_by=draw.choice(people),
                received_at=at,
                created_at=at,
                ended_at=cast.now if status == "closed" else None,
                next_due_at=None if hours is None or status == "closed" else cast.now + timedelta(hours=hours),
                is_late=status != "closed" and hours is not None and hours < 0,
            )
        )
    Ticket.objects.bulk_create(rows)
    asked = Ticket.objects.filter(number__endswith="7")
    Collaboration.objects.bulk_create(
        Collaboration(ticket=t, department=cast.logistics, question="？", asked_at=cast.now) for t in asked
    )
    return cast


def _person(cast: Cast, name: str) -> Person:
    return Person.objects.get(username={"sup": "sun"}.get(name, name))


@pytest.mark.parametrize("who", WHO)
def test_ways_together_are_what_one_may_see(full: Cast, who: str) -> None:
    actor = full.actor(_person(full, who))
    seen = Ticket.objects.filter(visible(actor))
    latest = seen.order_by("-received_at", "-pk").values_list("pk", flat=True)
    assert ordered.by_receipt(reach(actor), 400) == list(latest)
    timed = seen.filter(ended_at=None, next_due_at__isnull=False).order_by("next_due_at", "pk")
    rest = seen.filter(ended_at=None, next_due_at=None).order_by("pk")
    assert ordered.by_due(reach(actor), 400) == [t.pk for t in [*timed, *rest]]


@pytest.mark.parametrize("sort", ["due", "received"])
@pytest.mark.parametrize("who", WHO)
def test_pages_follow_each_other_without_a_gap(
    full: Cast, who: str, sort: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE", 7)
    actor = full.actor(_person(full, who))
    seen, cursor = [], ""
    while True:
        page = lists.page(actor, filters.read({"sort": sort}), full.now, cursor)
        seen += [row.id for row in page.rows]
        if not (cursor := page.cursor):
            break
    ways = lists.narrowed(actor, filters.Filters(sort=sort), full.now)
    assert seen == (ordered.by_due if sort == "due" else ordered.by_receipt)(ways, 400)
    assert len(seen) > 7


@pytest.mark.usefixtures("still")
@pytest.mark.parametrize("who", WHO)
def test_counts_are_those_of_the_views_and_stop_at_the_limit(full: Cast, who: str) -> None:
    actor = full.actor(_person(full, who))
    seen = Ticket.objects.filter(visible(actor))
    with CaptureQueriesContext(connection) as asked:
        counts = lists.counts(actor, full.now)
    assert counts == {view: seen.filter(filters.viewed(view, actor, full.now)).count() for view in counts}
    assert len(asked) == 1
    assert ordered.counts({"all": reach(actor)}, 5) == {"all": 5}


def test_priority_and_channel_narrow_for_those_who_see_all_and_for_others(full: Cast) -> None:
    for who in WHO:
        actor = full.actor(_person(full, who))
        for values in ({"priority": "P1"}, {"channel": "web"}, {"priority": "P2", "channel": "chat"}):
            ids = ordered.by_due(lists.narrowed(actor, filters.read(values), full.now), 400)
            wanted = Ticket.objects.filter(visible(actor), ended_at=None, **values)
            assert sorted(ids) == sorted(wanted.values_list("pk", flat=True))


def test_nobody_sees_nothing(full: Cast) -> None:
    assert reach(full.actor(_person(full, "he"))) != []
    assert ordered.by_due([], 50) == ordered.by_receipt([], 50) == []
    assert ordered.counts({"none": []}) == {"none": 0}


# The index that serves each shipped view of those who see all, of a team and of an agent's team queue.
SERVED = {
    "sup": {
        "open": {"ticket_open_due"},
        "mine": {"ticket_mine"},
        "team": {"ticket_team", "ticket_open_due"},
        "unassigned": {"ticket_queue"},
        "due_soon": {"ticket_open_due"},
        "late": {"ticket_late"},
        "waiting": {"ticket_status"},
        "vip": {"ticket_vip"},
        "ended": {"ticket_ended"},
    },
    "wang": {
        "open": {"ticket_team"},
        "mine": {"ticket_mine"},
        "team": {"ticket_team"},
        "unassigned": {"ticket_team_queue"},
        "due_soon": {"ticket_team"},
        "late": {"ticket_team_late"},
        "waiting": {"ticket_team_status"},
        "vip": {"ticket_team_vip"},
        "ended": {"ticket_team_ended", "ticket_team_all"},
    },
}


@pytest.mark.parametrize("who", SERVED)
def test_shipped_views_are_read_from_their_index_and_never_sorted_whole(full: Cast, who: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL chooses by the figures of its tables; at a few hundred rows it reads them all")
    actor = full.actor(_person(full, who))
    for view, indexes in SERVED[who].items():
        asked = filters.Filters(view=view)
        ways = lists.narrowed(actor, asked, full.now)
        own = ways if len(ways) == 1 else ways[1:2]  # of a leader's ways: the team's
        with CaptureQueriesContext(connection) as seen:
            (ordered.by_receipt if asked.by_receipt else ordered.by_due)(own, 51)
        for query in seen.captured_queries:
            plan = _plan(query["sql"])
            assert any(name in plan.split() for name in indexes), (view, plan)
            assert plan.count("TEMP B-TREE FOR ORDER BY") <= 1, (view, plan)  # the merged rows', never a way's
            assert "SCAN desk_ticket\n" not in plan, (view, plan)


def _plan(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return "\n".join(str(row[3]) for row in cursor.fetchall())


@pytest.mark.usefixtures("still")
def test_counts_are_kept_for_some_seconds_for_each_reach(full: Cast) -> None:
    lin, zhao = full.actor(full.lin), full.actor(full.zhao)
    found = lists.kept_counts(lin, full.now)
    assert lists.kept_counts(zhao, full.now) != found
    with CaptureQueriesContext(connection) as asked:
        assert lists.kept_counts(full.actor(full.lin), full.now) == found == lists.counts(lin, full.now)
    assert len([q for q in asked.captured_queries if "COUNT(*)" in q["sql"]]) == 1
