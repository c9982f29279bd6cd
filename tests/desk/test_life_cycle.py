"""Every verb in every status (D3): allowed ones lead where the table says and leave a fact, refused ones leave nothing.

And who may: own tickets, a team's, another team's, and those without the right (D26).
"""

from datetime import timedelta

import pytest

from jiying.base.actor import SYSTEM, Actor
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.models import Role
from jiying.core import lifecycle
from jiying.desk.models import Customer, Ticket
from jiying.desk.services import handling, talking
from tests.cast import Cast
from tests.desk.stage import STATUSES, everything, facts_of, last_fact, ticket_in, verbs

# verb: the fact that tells of it
FACT = {
    "accept": "accepted",
    "reply": "message",
    "note": "message",
    "customer_message": "message",
    "hold": "held",
    "resume": "resumed",
    "resolve": "solved",
    "confirm": "confirmed",
    "reject": "rejected",
    "close": "closed",
    "reopen": "reopened",
    "cancel": "cancelled",
    "merge": "merged",
    "priority": "reclassified",
    "reclassify": "reclassified",
    "collaborate": "collaboration_asked",
    "escalate": "escalated",
    "hand_up": "handed_up",
    "flow": "flow_started",
    "offer": "offer_made",
    "split": "split",
    "link": "linked",
    "assign": "assigned",
    "unassign": "unassigned",
}
# Where a verb leads further than the table says (its docstring there): (verb, status) -> status.
FURTHER = {
    ("reply", "assigned"): "in_progress",  # who answers has accepted
    ("reply", "accepted"): "in_progress",
    ("customer_message", "waiting"): "in_progress",
    ("customer_message", "resolved"): "in_progress",
    ("customer_message", "closed"): "in_progress",
}
LATER = timedelta(minutes=7)


def expected(verb: str, status: str) -> str | None:
    if (verb, status) in FURTHER:
        return FURTHER[verb, status]
    allowed, after = lifecycle.VERBS[verb]
    return (after or status) if status in allowed else None


@pytest.mark.parametrize("status", STATUSES)
def test_every_verb_in_every_status(cast: Cast, status: str) -> None:
    of_all = verbs(cast)
    assert set(of_all) == set(lifecycle.VERBS) == set(FACT)
    for verb, call in of_all.items():
        ticket = ticket_in(cast, status, subject=f"{verb} in {status}")
        actor = cast.actor(cast.lin) if verb == "accept" else SYSTEM
        if (verb, status) == ("reply", "assigned"):
            actor = cast.actor(cast.lin)
        mark, after = last_fact(), expected(verb, status)
        if after is None:
            before = everything()
            with pytest.raises(Conflict) as refused:
                call(actor, ticket.number, cast.now + LATER)
            assert refused.value.faults[0].code in ("wrong_state", "taken"), verb
            assert everything() == before, f"{verb} in {status} left something"
            continue
        call(actor, ticket.number, cast.now + LATER)
        ticket.refresh_from_db()
        assert ticket.status == after, f"{verb} in {status}"
        assert FACT[verb] in facts_of(ticket, mark), f"{verb} in {status}"
        assert ticket.is_ended == (ticket.ended_at is not None)
        assert (ticket.waiting_for != "") == (ticket.status == "waiting")


def test_a_system_actor_takes_no_ticket_of_the_queue(cast: Cast) -> None:
    ticket = ticket_in(cast, "new")
    before = everything()
    with pytest.raises(Denied):
        handling.accept(actor=SYSTEM, number=ticket.number, now=cast.now)
    assert everything() == before


# --- rights ----------------------------------------------------------------------------------------------------------

# A status in which the verb is allowed, to ask about rights only.
IN = {
    **dict.fromkeys(FACT, "in_progress"),
    "accept": "assigned",
    "resume": "waiting",
    **dict.fromkeys(("confirm", "reject", "close", "reopen"), "resolved"),
}
OWN = set(FACT) - {"priority"}  # what an agent may do with their own ticket
READERS = {"note"}  # what everybody who sees all tickets may do besides


def allowed(cast: Cast, verb: str, who: str) -> bool:
    if who == "own":
        return verb in OWN
    if who in ("lead", "supervisor"):
        return verb != "accept"  # nobody takes what a colleague is responsible for: a transfer says so
    return who == "reader" and verb in READERS


@pytest.mark.parametrize("who", ["own", "colleague", "lead", "other_team", "supervisor", "reader", "nobody"])
def test_who_may_do_what(cast: Cast, who: str) -> None:
    colleague = cast.zhao
    if who == "colleague":
        colleague.team = cast.team1
        colleague.save()
    if who == "nobody":
        cast.he.roles.set([Role.objects.create(code="nothing", name="nothing", rights=[])])
    people = {
        "own": cast.lin,
        "colleague": colleague,
        "lead": cast.wang,
        "other_team": cast.zhao,
        "supervisor": cast.sup,
        "reader": cast.manager,
        "nobody": cast.he,
    }
    for verb, call in verbs(cast).items():
        ticket = ticket_in(cast, IN[verb], subject=f"{verb} by {who}")
        actor, mark = cast.actor(people[who]), last_fact()
        if allowed(cast, verb, who):
            call(actor, ticket.number, cast.now + LATER)
            assert FACT[verb] in facts_of(ticket, mark), verb
            continue
        before = everything()
        with pytest.raises((Denied, NotFound, Conflict)) as refused:
            call(actor, ticket.number, cast.now + LATER)
        if isinstance(refused.value, Conflict):
            assert (verb, refused.value.faults[0].code) == ("accept", "taken")
        if who in ("other_team", "nobody"):
            assert isinstance(refused.value, NotFound | Denied)
        assert everything() == before, f"{verb} by {who} left something"


def test_a_lead_of_another_team_does_not_even_learn_of_the_ticket(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    cast.wang.team = cast.team2
    cast.wang.save()
    with pytest.raises(NotFound):
        handling.resolve(actor=cast.actor(cast.wang), number=ticket.number, now=cast.now)


@pytest.mark.parametrize("verb", ["confirm", "reject"])
def test_only_the_customer_of_a_ticket_says_whether_it_is_solved(cast: Cast, verb: str) -> None:
    mine, other = Customer.objects.create(name="甲"), Customer.objects.create(name="乙")
    ticket = ticket_in(cast, "resolved", customer_id=mine.pk)
    call, before = verbs(cast)[verb], everything()
    for stranger in (Actor("customer", other.pk), Actor("customer", None)):
        with pytest.raises(NotFound):
            call(stranger, ticket.number, cast.now + LATER)
        assert everything() == before
    call(Actor("customer", mine.pk), ticket.number, cast.now + LATER)
    assert Ticket.objects.get(pk=ticket.pk).status == {"confirm": "closed", "reject": "in_progress"}[verb]


def test_a_ticket_without_a_customer_is_no_stranger_s(cast: Cast) -> None:
    ticket = ticket_in(cast, "resolved")
    with pytest.raises(NotFound):
        talking.customer_message(actor=Actor("customer", None), number=ticket.number, body="?", now=cast.now)


@pytest.mark.parametrize(
    ("call", "field"),
    [
        (lambda a, n, t: handling.cancel(actor=a, number=n, reason=" ", now=t), "reason"),
        (lambda a, n, t: handling.set_priority(actor=a, number=n, priority="P1", reason="", now=t), "reason"),
        (lambda a, n, t: handling.set_priority(actor=a, number=n, priority="P9", reason="x", now=t), "priority"),
        (lambda a, n, t: handling.escalate(actor=a, number=n, level=4, reason="x", now=t), "level"),
        (lambda a, n, t: handling.escalate(actor=a, number=n, level=1, reason="", now=t), "reason"),
        (lambda a, n, t: handling.hold(actor=a, number=n, reason="lunch", now=t), "reason"),
        (lambda a, n, t: handling.reclassify(actor=a, number=n, category="no/such", now=t), "category"),
        (lambda a, n, t: handling.reclassify(actor=a, number=n, channel="fax", now=t), "channel"),
        (lambda a, n, t: talking.reply(actor=a, number=n, body="  ", now=t), "body"),
        (lambda a, n, t: talking.reply(actor=a, number=n, body="x", by="customer", now=t), "by"),
        (lambda a, n, t: talking.reply(actor=a, number=n, body="x", hold_for="lunch", now=t), "reason"),
        (lambda a, n, t: talking.call(actor=a, number=n, direction="up", duration_s=1, now=t), "direction"),
        (lambda a, n, t: talking.call(actor=a, number=n, direction="in", duration_s=-1, now=t), "duration_s"),
        (lambda a, n, t: talking.customer_message(actor=a, number=n, body="x", at=t + LATER, now=t), "at"),
        (lambda a, n, t: handling.merge(actor=a, number=n, into=n, now=t), "into"),
    ],
)
def test_bad_values_are_refused_whole(cast: Cast, call: object, field: str) -> None:
    ticket = ticket_in(cast, "in_progress")
    before = everything()
    with pytest.raises(Invalid) as refused:
        call(SYSTEM, ticket.number, cast.now)  # type: ignore[operator]
    assert [f.field for f in refused.value.faults] == [field]
    assert everything() == before


@pytest.mark.parametrize(("seconds", "code"), [(-61, "past_needs_right"), (6, "in_future")])
def test_nobody_dates_a_message_back_without_the_right(cast: Cast, seconds: int, code: str) -> None:
    ticket, at = ticket_in(cast, "in_progress"), cast.now + timedelta(seconds=seconds)
    before = everything()
    with pytest.raises(Invalid) as refused:
        talking.customer_message(actor=cast.actor(cast.lin), number=ticket.number, body="x", at=at, now=cast.now)
    assert [(f.field, f.code) for f in refused.value.faults] == [("at", code)]
    assert everything() == before


@pytest.mark.parametrize(("seconds", "kept"), [(-60, -60), (-3600, None), (5, 0)])
def test_a_moment_ago_and_a_fast_clock_are_forgiven(cast: Cast, seconds: int, kept: int | None) -> None:
    """With the right to import any time is taken, without it a minute."""
    ticket, at = ticket_in(cast, "in_progress"), cast.now + timedelta(seconds=seconds)
    actor = cast.actor(cast.admin if kept is None else cast.lin)
    said = talking.customer_message(actor=actor, number=ticket.number, body="x", at=at, now=cast.now)
    assert said.at == cast.now + timedelta(seconds=seconds if kept is None else kept)


def test_a_stale_form_is_refused(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    talking.note(actor=SYSTEM, number=ticket.number, body="x", now=cast.now)
    before = everything()
    for call in (
        lambda: handling.hold(
            actor=SYSTEM, number=ticket.number, reason="customer", revision=ticket.revision, now=cast.now
        ),
        lambda: handling.resolve(actor=SYSTEM, number=ticket.number, revision=ticket.revision, now=cast.now),
        lambda: talking.reply(actor=SYSTEM, number=ticket.number, body="x", revision=ticket.revision, now=cast.now),
    ):
        with pytest.raises(Conflict) as refused:
            call()
        assert refused.value.faults[0].code == "stale"
    assert everything() == before


def test_the_same_priority_again_changes_nothing(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    before = everything()
    handling.set_priority(actor=SYSTEM, number=ticket.number, priority=ticket.priority, reason="x", now=cast.now)
    assert everything() == before
