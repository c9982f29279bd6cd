"""The wall board: its figures are those of the tickets behind them, of a team or of all; its cost stays the same."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jiying.base.errors import Denied
from jiying.base.models import Person
from jiying.clocks.models import Clock
from jiying.desk import policies
from jiying.desk.models import AgentLoad, Ticket
from jiying.desk.services import handling, routing, talking
from jiying.insight.queries import verdicts, wall
from tests.cast import Cast


def _wall(cast: Cast, person: object, now: object = None) -> wall.Wall:
    wall.forget()
    return wall.wall(policies.scope(cast.actor(person)), now or cast.now)  # type: ignore[arg-type]


def _tiles(board: wall.Wall) -> dict[str, int]:
    return {tile.code: tile.n for tile in board.tiles}


def test_tiles_count_what_their_lists_show(cast: Cast) -> None:
    held = cast.accepted()
    handling.hold(actor=cast.actor(cast.lin), number=held.number, reason="customer", now=cast.now)
    cast.accepted()
    AgentLoad.objects.update(capacity=0)
    cast.ticket()
    board = _wall(cast, cast.sup)
    tiles = _tiles(board)
    assert (tiles["open"], tiles["waiting"], tiles["unassigned"], tiles["late"]) == (3, 1, 1, 0)
    client = cast.client(cast.sup)
    for tile in board.tiles:
        page = client.get(f"/tickets/?{tile.query}", headers={"HX-Request": "true"}).content.decode()
        if tile.code not in ("due15", "due30", "due60"):  # those go by the clock on the wall, not by the test's
            assert page.count('data-row="ticket:') == tile.n, tile.code


def test_due_tiles_hold_each_other(cast: Cast) -> None:
    first = cast.accepted()
    due = Ticket.objects.get(pk=first.pk).next_due_at
    assert due is not None
    for minutes, codes in ((10, {"due15", "due30", "due60"}), (20, {"due30", "due60"}), (50, {"due60"}), (70, set())):
        tiles = _tiles(_wall(cast, cast.sup, due - timedelta(minutes=minutes)))
        assert {code for code in ("due15", "due30", "due60") if tiles[code]} == codes


def test_a_share_counts_kept_and_broken_promises_of_today(cast: Cast) -> None:
    now = timezone.now()
    for n in range(3):
        ticket = cast.ticket(now=now, priority="P2", channel="chat")
        clock = Clock.objects.get(subject_id=ticket.pk, metric="first_response")
        if n:
            Clock.objects.filter(pk=clock.pk).update(state="met", ended_at=now)
        else:
            Clock.objects.filter(pk=clock.pk).update(state="breached", breached_at=now)
    board = _wall(cast, cast.sup, now + timedelta(seconds=1))
    share = {(li.channel, c.priority): c.shares[0] for li in board.lines for c in li.cells}["chat", "P2"]
    assert (share.rate.numerator, share.n, share.level, share.is_few) == (2, 3, "poor", True)
    assert board.totals[0].n == 3
    page = cast.client(cast.sup).get(f"/wall/cases/?{share.query}")
    listed = page.context["cases"]
    assert [case.is_met for case in listed] == [False, True, True]
    assert {case.at for case in listed} == {now}
    assert timezone.localtime(now).strftime("%H:%M:%S") in page.content.decode()
    yesterday = wall.midnight(now) - timedelta(seconds=1)
    Clock.objects.filter(metric="first_response", state="met").update(ended_at=yesterday)
    assert _wall(cast, cast.sup, now + timedelta(seconds=1)).totals[0].n == 1


def test_a_team_leader_sees_the_own_team_only(cast: Cast) -> None:
    mine, other = cast.accepted(), cast.ticket()
    routing.transfer(actor=cast.actor(cast.sup), number=other.number, to_team=cast.team2.pk, now=cast.now)
    assert _tiles(_wall(cast, cast.wang))["open"] == 1
    assert _tiles(_wall(cast, cast.sup))["open"] == 2
    board = _wall(cast, cast.wang)
    assert board.team == "一组"
    assert {row.number for row in board.urgent} <= {mine.number}
    agents = Person.objects.filter(loads__isnull=False).distinct()
    assert sum(n for _presence, n in board.presence) == agents.filter(team=cast.team1).count()
    assert sum(n for _presence, n in _wall(cast, cast.sup).presence) == agents.count()


def test_verdicts_of_another_team_are_not_told(cast: Cast) -> None:
    now = timezone.now()
    theirs = cast.ticket(now=now, channel="web", priority="P3")
    Ticket.objects.filter(pk=theirs.pk).update(team=cast.team2)
    Clock.objects.filter(subject_id=theirs.pk, metric="first_response").update(state="met", ended_at=now)
    key, until = ("web", "P3", "first_response"), now + timedelta(seconds=1)
    for person, n in ((cast.wang, 0), (cast.sup, 1)):
        scope = policies.scope(cast.actor(person))
        assert len(verdicts.cases(scope, key, wall.midnight(now), until, 10)) == n
        assert len(verdicts.rates(scope, wall.midnight(now), until)) == n


def test_without_the_right_or_a_team_there_is_no_board(cast: Cast) -> None:
    for path in ("/wall/", "/wall/cases/?channel=web&priority=P3&metric=resolution", "/api/v1/wall"):
        assert cast.client(cast.lin).get(path).status_code == 403
    cast.wang.team = None
    cast.wang.save()
    with pytest.raises(Denied):
        policies.scope(cast.actor(cast.wang))


def test_a_cell_that_does_not_exist_is_refused(cast: Cast) -> None:
    page = cast.client(cast.sup).get("/wall/cases/?channel=fax&priority=P3&metric=resolution")
    assert page.status_code == 422
    assert "fax" in page.content.decode()


def test_the_live_part_is_the_board_without_the_page(cast: Cast) -> None:
    part = cast.client(cast.sup).get("/wall/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert 'id="tile-late"' in part


def test_the_api_tells_the_same_figures(cast: Cast) -> None:
    cast.accepted()
    told = cast.api(cast.sup).get("/api/v1/wall").json()
    assert told["counts"]["open"] == 1
    assert told["presence"]["online"] == 1
    assert set(told["counts"]) == set(_tiles(_wall(cast, cast.sup)))


@pytest.mark.usefixtures("still")
def test_it_costs_as_many_queries_with_3_tickets_and_with_60(cast: Cast) -> None:
    def cost() -> int:
        _wall(cast, cast.sup)  # what is kept is kept now
        with CaptureQueriesContext(connection) as seen:
            _wall(cast, cast.sup)
        return len(seen)

    AgentLoad.objects.update(capacity=100)
    for _n in range(3):
        cast.ticket()
    few = cost()
    for _n in range(57):
        cast.ticket()
    assert cost() <= few <= 12


def test_a_customers_answer_moves_the_figures(cast: Cast) -> None:
    ticket = cast.accepted()
    talking.reply(actor=cast.actor(cast.lin), number=ticket.number, body=talking.Written("您好"), now=cast.now)
    handling.resolve(actor=cast.actor(cast.lin), number=ticket.number, now=cast.now)
    handling.confirm(actor=cast.actor(cast.lin), number=ticket.number, now=cast.now)
    board = _wall(cast, cast.sup, cast.now + timedelta(seconds=1))
    assert [share.n for share in board.totals] == [1, 1]
    assert [share.percent for share in board.totals] == [100, 100]
