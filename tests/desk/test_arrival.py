"""Trials judge past tickets by what was known then, and say what had to be taken as it is now."""

from typing import Any

from jiying.base.actor import SYSTEM
from jiying.base.models import JournalEntry
from jiying.core.priority_defaults import SHIPPED
from jiying.desk.models import Ticket
from jiying.desk.services import arrival, handling, rules
from jiying.desk.services import automation_trials as trials
from tests.cast import Cast
from tests.desk.stage import HOUR, MINUTE


def changed(cast: Cast) -> Ticket:
    """Came by web as a question about an invoice; corrected twice since."""
    ticket = cast.accepted(subject="请问发票", category="invoice", tags=["新"])
    lead, number = cast.actor(cast.wang), ticket.number
    handling.reclassify(actor=lead, number=number, category="logistics/lost", tags=["新", "急"], now=cast.now + MINUTE)
    handling.reclassify(actor=lead, number=number, channel="phone", category="order", now=cast.now + 2 * MINUTE)
    handling.set_priority(actor=lead, number=number, priority="P1", reason="急", now=cast.now + 3 * MINUTE)
    handling.escalate(actor=lead, number=number, level=2, reason="急", now=cast.now + 4 * MINUTE)
    return Ticket.objects.get(pk=ticket.pk)


def shown(ticket: Ticket) -> tuple[Any, ...]:
    return ticket.channel, ticket.category, ticket.tags, ticket.escalation


def test_at_its_arrival_and_at_each_fact_since(cast: Cast) -> None:
    first = cast.ticket()
    ticket = changed(cast)
    assert shown(ticket) == ("phone", "order", ["新", "急"], 2)
    [past] = arrival.at_arrival([ticket])
    assert (shown(past.ticket), past.unknown) == (("web", "invoice", ["新"], 0), frozenset())
    assert past.ticket.priority != "P1"
    story = arrival.stories([ticket.pk])[ticket.pk]
    facts = list(JournalEntry.objects.filter(subject_id=ticket.pk, kind=arrival.CHANGED).order_by("id"))
    assert shown(arrival.as_of(ticket, story, facts[0]).ticket) == ("web", "logistics/lost", ["新", "急"], 0)
    assert shown(arrival.as_of(ticket, story, facts[-1]).ticket) == ("phone", "order", ["新", "急"], 0)
    ticket.refresh_from_db()
    assert shown(ticket) == ("phone", "order", ["新", "急"], 2)  # nothing of it was written
    assert shown(arrival.at_arrival([first])[0].ticket) == shown(first)


def test_what_the_journal_does_not_hold_is_named(cast: Cast) -> None:
    ticket = changed(cast)
    story = arrival.stories([ticket.pk])[ticket.pk]
    opened = story.facts[0]
    opened.data = {"number": ticket.number}
    past = arrival.as_of(ticket, story, None)
    assert past.unknown == {"type", "tier"}  # of the rest each change says what was before
    assert past.ticket.category == "invoice"


def test_priority_rules_are_tried_on_what_was_known(cast: Cast) -> None:
    changed(cast)
    body: dict[str, Any] = {**SHIPPED, "rules": [
        {"key": "phone", "name": {"zh": "电话"}, "priority": "P1", "when": {"channel": {"any": ["phone"]}}},
        *SHIPPED["rules"],
    ]}  # fmt: skip
    found = rules.try_rules(actor=cast.actor(cast.ops), body=body, since=cast.now - HOUR, now=cast.now + HOUR)
    assert (found.n_tickets, found.n_changed, found.n_unknown) == (1, 0, 0)  # it came by web
    web = {**body, "rules": [{**body["rules"][0], "when": {"channel": {"any": ["web"]}}}, *SHIPPED["rules"]]}
    found = rules.try_rules(actor=cast.actor(cast.ops), body=web, since=cast.now - HOUR, now=cast.now + HOUR)
    assert found.n_changed == 1


def test_automations_are_tried_on_the_ticket_as_it_was_at_the_event(cast: Cast) -> None:
    changed(cast)

    def tried(event: str, *conditions: tuple[str, str]) -> trials.OnPast:
        body = {
            "when": {"event": event},
            "if": [{"field": name, "values": [value]} for name, value in conditions],
            "then": [{"do": "note", "text": "x"}],
        }
        return trials.on_past(actor=SYSTEM, body=body, now=cast.now + HOUR)

    assert (tried("opened", ("category", "invoice")).n_fits, tried("opened", ("category", "order")).n_fits) == (1, 0)
    assert tried("changed", ("tags", "急")).n_fits == 3
    assert (tried("opened", ("tags", "急")).n_fits, tried("opened", ("escalation", "0")).n_fits) == (0, 1)
    assert tried("opened", ("channel", "web")).as_now == []
    assert tried("opened", ("channel", "web"), ("status", "accepted"), ("late", "no")).as_now == ["status", "late"]
