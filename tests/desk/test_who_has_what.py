"""Who has what (主管台): agents' cards, opened in place with their tickets, and tickets that are dragged onto them."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from jiying.base.errors import NotFound
from jiying.base.models import Person
from jiying.desk import policies
from jiying.desk.models import AgentLoad, Ticket
from jiying.desk.queries import in_hand, people
from jiying.desk.services import routing
from jiying.desk.services.loads import DEFAULT_CAPACITY
from tests.cast import Cast

HX = {"HX-Request": "true"}


def _give(cast: Cast, person: Person, n: int) -> list[Ticket]:
    actor = cast.actor(cast.sup)
    made = [cast.ticket(subject=f"{person.name}的工单 {k}") for k in range(n)]
    for ticket in made:
        routing.transfer(actor=actor, number=ticket.number, to_person=person.pk, now=cast.now)
    return made


def _hire(cast: Cast, n: int, presence: str = "offline") -> Person:
    person = Person.objects.create_person(f"agent{n}", name=f"同事{n}", team=cast.team1, presence=presence)
    person.roles.set(cast.lin.roles.all())
    for channel, capacity in DEFAULT_CAPACITY.items():
        AgentLoad.objects.create(person=person, channel=channel, capacity=capacity, idle_since=cast.now)
    policies.forget()  # it is asked at most once a second
    return person


def test_a_card_holds_the_agents_open_tickets_by_due_time(cast: Cast) -> None:
    first, second, third = _give(cast, cast.lin, 3)
    Ticket.objects.filter(pk=third.pk).update(next_due_at=cast.now - timedelta(hours=1))
    Ticket.objects.filter(pk=second.pk).update(ended_at=cast.now, status="closed")
    card = in_hand.card(cast.actor(cast.wang), cast.lin.pk, cast.now, is_opened=True)
    assert [row.id for row in card.tickets] == [third.pk, first.pk]
    assert card.tickets[0].clock is not None
    assert (card.agent.n_tickets, card.n_more) == (2, 0)
    assert in_hand.card(cast.actor(cast.wang), cast.lin.pk, cast.now, is_opened=False).tickets == ()


def test_more_than_a_card_shows_is_told(cast: Cast) -> None:
    _give(cast, cast.lin, in_hand.SHOWN + 2)
    card = in_hand.card(cast.actor(cast.wang), cast.lin.pk, cast.now, is_opened=True)
    assert (len(card.tickets), card.n_more) == (in_hand.SHOWN, 2)


def test_only_agents_who_are_watched_and_only_what_one_may_see(cast: Cast) -> None:
    mine, away = _give(cast, cast.lin, 2)
    Ticket.objects.filter(pk=away.pk).update(team=cast.team2)
    lead = cast.actor(cast.wang)
    card = in_hand.card(lead, cast.lin.pk, cast.now, is_opened=True)
    assert [row.id for row in card.tickets] == [mine.pk]
    assert card.agent.n_tickets == 1
    with pytest.raises(NotFound):
        in_hand.card(lead, cast.zhao.pk, cast.now, is_opened=True)
    everything = in_hand.card(cast.actor(cast.sup), cast.lin.pk, cast.now, is_opened=True)
    assert {row.id for row in everything.tickets} == {mine.pk, away.pk}


def test_the_page_opens_closes_and_keeps_cards(cast: Cast) -> None:
    (ticket,) = _give(cast, cast.lin, 1)
    client, url = cast.client(cast.wang), f"/supervise/agents/{cast.lin.pk}"
    opened = client.get(url, headers=HX).content.decode()
    assert f'data-row="agent:{ticket.pk}"' in opened
    assert f'<input type="hidden" name="open" value="{cast.lin.pk}">' in opened
    assert f'href="/tickets/?assignee={cast.lin.pk}"' in opened
    closed = client.get(url, {"closed": "1"}, headers=HX).content.decode()
    assert f'data-row="agent:{ticket.pk}"' not in closed
    assert client.get(url).headers["Location"] == f"/supervise/?open={cast.lin.pk}"
    board = client.get("/supervise/", {"open": [str(cast.lin.pk), str(cast.zhao.pk), "x", "9" * 40]}, headers=HX)
    assert f'data-row="agent:{ticket.pk}"' in board.content.decode()
    assert client.get(f"/supervise/agents/{cast.zhao.pk}", headers=HX).status_code == 404
    assert cast.client(cast.lin).get(url, headers=HX).status_code == 403


def test_who_needs_help_comes_first_among_those_who_are_there(cast: Cast) -> None:
    calm, waits, late, gone = (
        _hire(cast, n, presence=presence) for n, presence in enumerate(("online", "online", "online", "offline"))
    )
    Person.objects.filter(pk=cast.lin.pk).update(presence="away")
    (waiting,) = _give(cast, waits, 1)
    for person, n in ((late, 1), (gone, 2)):
        ids = [t.pk for t in _give(cast, person, n)]
        Ticket.objects.filter(pk__in=ids).update(is_late=True, status="in_progress")
    found = [a for a in people.watched(cast.actor(cast.wang)) if a.id != cast.wang.pk]
    assert [a.id for a in found] == [late.pk, waits.pk, calm.pk, cast.lin.pk, gone.pk]
    assert [a.n_late for a in found] == [1, 0, 0, 0, 2]
    waiting.refresh_from_db()
    assert [a.oldest_at for a in found] == [None, waiting.assigned_at, None, None, None]


@pytest.mark.usefixtures("still")
def test_opened_cards_cost_the_same_for_any_number(cast: Cast) -> None:
    staff = [cast.lin, *(_hire(cast, n) for n in range(4))]
    for person in staff:
        _give(cast, person, 3)
    lead = cast.actor(cast.wang)
    counts = []
    for opened in (staff[:1], staff):
        in_hand.cards(lead, [p.pk for p in opened], cast.now)
        with CaptureQueriesContext(connection) as seen:
            cards = in_hand.cards(lead, [p.pk for p in opened], cast.now)
        counts.append(len(seen))
        assert sum(len(card.tickets) for card in cards) == 3 * len(opened)
    assert counts[0] == counts[1] <= 6


# --- dragged onto a card ---------------------------------------------------------------------------------------------


def test_a_row_that_may_be_given_away_can_be_dragged_by_whoever_may(cast: Cast) -> None:
    (ticket,) = _give(cast, cast.lin, 1)
    page = cast.client(cast.wang).get("/supervise/", {"open": cast.lin.pk}).content.decode()
    assert f'data-drag="/tickets/{ticket.number}/do/transfer?next=/supervise/"' in page
    assert f'data-holder="{cast.lin.pk}"' in page
    assert f'data-drop="{cast.lin.pk}"' in page
    Ticket.objects.filter(pk=ticket.pk).update(status="resolved")
    page = cast.client(cast.wang).get("/supervise/", {"open": cast.lin.pk}).content.decode()
    assert "data-drag=" not in page
    watches_only = cast.client(cast.manager).get("/supervise/", {"open": cast.lin.pk}).content.decode()
    assert "data-drag=" not in watches_only
    assert "data-drop=" not in watches_only


def test_a_drop_opens_the_transfer_with_that_agent(cast: Cast) -> None:
    (ticket,) = _give(cast, cast.lin, 1)
    other = _hire(cast, 1)
    client, url = cast.client(cast.wang), f"/tickets/{ticket.number}/do/transfer?next=/supervise/"
    form = client.get(f"{url}&to=person:{other.pk}", headers=HX).content.decode()
    assert f'value="person:{other.pk}" required checked autofocus' in form
    assert 'role="alert"' not in form
    for wrong in ("person:", "person:abc", "team:x", "x" * 500):
        assert client.get(url, {"to": wrong}, headers=HX).status_code == 200


def test_who_may_not_hold_it_is_refused_with_the_reason(cast: Cast) -> None:
    (ticket,) = _give(cast, cast.lin, 1)
    cast.lin.roles.clear()
    client, url = cast.client(cast.sup), f"/tickets/{ticket.number}/do/transfer"
    reason = "何立没有处理工单的权限，请另选他人。"
    Person.objects.filter(pk=cast.he.pk).update(name="何立")
    form = client.get(url, {"next": "/supervise/", "to": f"person:{cast.he.pk}"}, headers=HX).content.decode()
    assert reason in form
    answer = client.post(url, {"to": f"person:{cast.he.pk}", "next": "/supervise/"}, headers=HX)
    assert answer.status_code == 422
    assert reason in answer.content.decode()
    ticket.refresh_from_db()
    assert ticket.assignee_id == cast.lin.pk


def test_after_a_transfer_one_stays_on_the_board(cast: Cast) -> None:
    """Scroll, opened cards and the chosen row stay: no page is loaded, its live parts fetch themselves."""
    (ticket,) = _give(cast, cast.lin, 1)
    other = _hire(cast, 1)
    here = {**HX, "HX-Source": "form#f-verb", "HX-Current-URL": f"http://testserver/supervise/?open={cast.lin.pk}"}
    answer = cast.client(cast.wang).post(
        f"/tickets/{ticket.number}/do/transfer", {"to": f"person:{other.pk}", "next": "/supervise/"}, headers=here
    )
    assert "HX-Redirect" not in answer.headers
    assert answer.headers["HX-Reswap"] == "none"
    assert "jy:stay" in answer.headers["HX-Trigger"]
    assert 'id="d-verb"' in answer.content.decode()
    ticket.refresh_from_db()
    assert ticket.assignee_id == other.pk


def test_what_is_dear_to_count_stands_for_a_while(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    lead = cast.actor(cast.wang)
    n = {a.id: a.n_tickets for a in people.watched(lead)}[cast.lin.pk]
    _give(cast, cast.lin, 1)
    assert {a.id: a.n_tickets for a in people.watched(lead)}[cast.lin.pk] == n + 1  # cheap: counted each time
    monkeypatch.setattr(people, "_DEAR_S", 0.0)
    monkeypatch.setattr(people, "_STANDS", 100_000)
    people.watched(lead)
    _give(cast, cast.lin, 1)
    assert {a.id: a.n_tickets for a in people.watched(lead)}[cast.lin.pk] == n + 1
    assert people.watched(lead, only=cast.lin.pk)[0].n_tickets == n + 2  # one agent's card is always exact
