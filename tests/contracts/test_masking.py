"""No page, answer, mail or log line tells personal data to those without the right (D12): every reading door × role.

Whose ticket it is sees its customer plain with `desk.unmasked`; nobody else sees anything but by a reveal, which is a
fact. What people wrote into texts is theirs; here the customers' own fields are looked for.
"""

import logging

import pytest
from django.utils import timezone

from jiying.alerts.models import Alert
from jiying.alerts.services import mails
from jiying.desk.models import Customer
from tests.cast import Cast
from tests.contracts.addresses import Door
from tests.contracts.doors import WALKED, Objects, Stage, doors

# The customer's own pages, opened by a key of their own, call them by name.
THEIRS = ("p/",)


def secrets(customer: Customer) -> set[str]:
    """What must not be seen: as stored, and as people group a number."""
    phone = customer.phone
    return {
        customer.name,
        phone,
        f"{phone[:3]} {phone[3:7]} {phone[7:]}",
        f"{phone[:3]}-{phone[3:7]}-{phone[7:]}",
        customer.email,
        customer.address,
    } - {""}


def reading(stage: Stage) -> list[Door]:
    return [door for door in doors(stage) if door.method == "GET" and not door.route.startswith(THEIRS)]


@pytest.fixture
def stage(cast: Cast) -> Stage:
    return Stage(cast)


def seen(stage: Stage, role: str, door: Door, relation: str) -> str:
    answer = stage.call(stage.client(role), door, role, relation)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
    return body.decode("utf-8", "replace") + repr(dict(answer.headers))


@pytest.mark.parametrize("role", WALKED)
def test_nothing_is_told_to_those_without_the_right(stage: Stage, role: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    everybody: list[Objects] = [*stage.own.values(), stage.team, stage.other]
    person, own, found = stage.people[role], stage.own[role], list[str]()
    is_plain = "desk.unmasked" in person.rights() and own.ticket.assignee_id == person.pk
    hidden = {s for one in everybody if one is not own or not is_plain for s in secrets(one.customer)}
    for door in reading(stage):
        for relation in stage.relations(door):
            text = seen(stage, role, door, relation)
            found += [f"{door.name} {relation}: {secret}" for secret in hidden if secret in text]
    assert found == []
    assert [s for one in everybody for s in secrets(one.customer) if s in caplog.text] == []


@pytest.mark.parametrize("asked", ["13912340001", "0001", "situ.jingyi1@example.com", "司徒静怡1"])
def test_a_search_finds_and_still_masks(stage: Stage, asked: str) -> None:
    """Whoever knows the number finds the ticket; the answer tells nothing more than was typed."""
    hidden = {s for one in (stage.team, stage.other, *stage.own.values()) for s in secrets(one.customer)}
    for path in (f"/tickets/?q={asked}", f"/customers/find?q={asked}", f"/api/v1/tickets?q={asked}"):
        text = stage.client("supervisor").get(path).content.decode()
        told = {secret for secret in hidden if secret in text}
        assert {secret for secret in told if secret != asked} == set(), path


def test_the_agent_of_a_ticket_sees_its_customer_plain(stage: Stage) -> None:
    """So that the test above looks for what a page would show."""
    own = stage.own["agent"]
    text = stage.client("agent").get(f"/tickets/{own.ticket.number}/").content.decode()
    assert own.customer.phone in text
    assert own.customer.email in text


def test_a_reveal_tells_and_is_a_fact(stage: Stage) -> None:
    customer = stage.team.customer
    client = stage.client("lead")
    before = client.get(f"/customers/{customer.pk}/").content.decode()
    assert customer.phone not in before
    assert customer.phone in client.post(f"/customers/{customer.pk}/reveal").content.decode()
    assert customer.phone not in client.get(f"/customers/{customer.pk}/").content.decode()
    page = stage.client("admin").get(f"/customers/{customer.pk}/").content.decode()
    assert stage.people["lead"].name in page
    audit = stage.client("admin").get("/audit/?kind=customer.revealed").content.decode()
    assert stage.people["lead"].name in audit
    assert customer.phone not in audit


def test_mails_of_alerts_name_nobody_in_plain(stage: Stage) -> None:
    alerts = list(Alert.objects.select_related("person"))
    assert alerts
    for alert in alerts:
        message = mails.compose(stage.delivery, alert.person, [alert], timezone.now())
        text = f"{message.subject} {message.body} {message.alternatives}"
        for one in (stage.team, stage.other, *stage.own.values()):
            assert not [s for s in secrets(one.customer) if s in text]
