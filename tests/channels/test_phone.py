"""The telephone: ringing pops up, answering sets on call, the end writes the call, missed ones are called back once."""

import json
import random
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bench import phone as bench_phone
from jiying.alerts.models import Alert
from jiying.base import connections, due
from jiying.base.connections import ConnectionData, Failed
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.models import Connection, Person
from jiying.channels.models import CallBack, HookCall, PhoneCall
from jiying.channels.services import call_backs, lost_calls, phone, wrap_ups
from jiying.channels.services.wrap_ups import WrapUp
from jiying.clocks.models import Clock
from jiying.core import hooks
from jiying.core import phone as core_phone
from jiying.desk.models import Message, Ticket
from jiying.desk.services import privacy, routing
from jiying.desk.services.customers import CustomerData
from tests.cast import Cast
from tests.desk.stage import at_once, facts_of

CALLER = "13812345678"
BEGUN = 0  # when calls begin: five minutes before each test


@pytest.fixture(autouse=True)
def _begins_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that just ended is asked about for ten minutes: a suite that is longer on its way must not matter."""
    monkeypatch.setattr(f"{__name__}.BEGUN", int(time.time()) - 300)


@pytest.fixture
def cti(cast: Cast) -> connections.Open:
    data = ConnectionData("热线", {"extensions": ["8001=lin", "8002=wang"]}, {"secret": "geheim"})
    connections.save(actor=cast.actor(cast.admin), kind="cti", code="hotline", data=data, revision=None, now=cast.now)
    found = connections.open_one("hotline")
    assert found is not None
    return found


def event(kind: str, after_s: int = 0, call_id: str = "c1", agent: str = "8001", **told: Any) -> dict[str, Any]:
    return {"event": kind, "call_id": call_id, "caller": CALLER, "agent": agent, "at": BEGUN + after_s, **told}


def happen(cti: connections.Open, *events: dict[str, Any]) -> PhoneCall:
    for told in events:
        with transaction.atomic():
            phone.act(cti, json.dumps(told).encode(), timezone.now())
    return PhoneCall.objects.get(call_id=events[-1]["call_id"])


def presence(cast: Cast) -> tuple[str, str]:
    person = Person.objects.get(pk=cast.lin.pk)
    return person.presence, person.presence_reason


def test_a_signed_call_from_ringing_to_the_recording(cast: Cast, cti: connections.Open) -> None:
    for kind, more in (("ringing", {}), ("answered", {}), ("ended", {"duration_s": 95}),
                       ("recording", {"recording_url": "https://records.example.com/1.mp3"})):  # fmt: skip
        body, at = json.dumps(event(kind, **more)).encode(), str(int(timezone.now().timestamp()))
        headers = {"X-Jiying-Timestamp": at, "X-Jiying-Signature": hooks.sign("geheim", at, body)}
        answer = Client().post("/hooks/in/cti/hotline", body, content_type="application/json", headers=headers)
        assert answer.status_code == 200
        due.run(due.SWEEPS["hooks_in"], timezone.now())
    assert set(HookCall.objects.values_list("state", flat=True)) == {"done"}
    ticket = Ticket.objects.get()
    assert (ticket.channel, ticket.assignee_id, ticket.status) == ("phone", cast.lin.pk, "in_progress")
    assert ticket.subject == "来自 138****5678 的来电" and ticket.customer is not None
    message = Message.objects.get(kind="call")
    assert message.author_id == cast.lin.pk
    assert message.call == {
        "direction": "in", "duration_s": 95, "recording_url": "https://records.example.com/1.mp3"
    }  # fmt: skip
    assert presence(cast) == ("online", "")


def test_ringing_pops_up_and_answering_puts_it_away(cast: Cast, cti: connections.Open) -> None:
    call = happen(cti, event("ringing"))
    alert = Alert.objects.get(kind="call.ringing")
    assert (alert.person_id, alert.state, alert.subject_id) == (cast.lin.pk, "new", call.ticket_id)
    shown = cast.client(cast.lin).get("/alerts/popups").content.decode()
    assert "138****5678" in shown and CALLER not in shown
    assert call.ticket is not None
    page = cast.client(cast.lin).get(f"/tickets/{call.ticket.number}/").content.decode()
    assert "来电振铃" in page
    happen(cti, event("answered", 5))
    alert.refresh_from_db()
    assert alert.state == "withdrawn"
    assert presence(cast) == ("busy", "通话中")
    assert Ticket.objects.get().status == "accepted"


def test_the_open_ticket_of_the_caller_is_found(cast: Cast, cti: connections.Open) -> None:
    known = cast.accepted(customer=CustomerData(name="张三", phone=CALLER))
    call = happen(cti, event("ringing", caller="+86 138 1234 5678"))
    assert call.ticket_id == known.pk and not call.opened_it
    theirs = happen(cti, event("ringing", call_id="c2", agent="zhao"))  # cannot see it
    assert theirs.ticket_id != known.pk and theirs.opened_it
    assert theirs.ticket is not None and theirs.ticket.assignee_id == cast.zhao.pk


def test_who_answers_has_the_ticket(cast: Cast, cti: connections.Open) -> None:
    happen(cti, event("ringing", agent="8001"), event("ringing", 3, agent="8002"), event("answered", 6, agent="8002"))
    assert Ticket.objects.get().assignee_id == cast.wang.pk
    call = happen(cti, event("ended", 66))
    assert call.duration_s == 60 and call.message is not None and call.message.author_id == cast.wang.pk


def test_unknown_agents_and_hidden_numbers(cast: Cast, cti: connections.Open) -> None:
    call = happen(cti, event("ringing", agent="?", caller="anonymous"), event("answered", 2, agent="?", caller=""),
                  event("ended", 9, agent="?", caller=""))  # fmt: skip
    assert call.ticket is not None and call.ticket.customer is None and call.agent is None
    assert call.message is not None and call.message.kind == "note"


def test_own_presence_is_left_alone(cast: Cast, cti: connections.Open) -> None:
    lin = cast.actor(cast.lin)
    routing.set_presence(actor=lin, person_id=cast.lin.pk, presence="break", reason="午餐", now=cast.now)
    happen(cti, event("answered"), event("ended", 30))
    assert presence(cast) == ("break", "午餐")


Event = tuple[str, int, dict[str, Any]]
# --- order -----------------------------------------------------------------------------------------------------------

TALKED: Sequence[Event] = (("ringing", 0, {}), ("answered", 5, {}), ("ended", 65, {"duration_s": 60}),
          ("recording", 70, {"recording_url": "https://records.example.com/1.mp3"}))  # fmt: skip
LOST: Sequence[Event] = (("ringing", 0, {}), ("missed", 20, {}), ("ended", 20, {}))


def end_state() -> dict[str, Any]:
    call = PhoneCall.objects.get()
    names = ("state", "caller", "duration_s", "recording_url", "agent_id", "answered_at", "ended_at", "begun_at")
    ticket = Ticket.objects.get()
    return {
        "call": {name: getattr(call, name) for name in names},
        "ticket": (ticket.status, ticket.assignee_id, ticket.subject, ticket.received_at, ticket.public_reply_at),
        "messages": list(Message.objects.values_list("kind", "author__username", "call")),
        "call_backs": list(CallBack.objects.values_list("state", "number", "called_at")),
        "presence": Person.objects.get(username="lin").presence,
    }


def played(cti: connections.Open, events: Sequence[dict[str, Any]], now: Any) -> dict[str, Any]:
    """The end state after these events, taken back again."""
    with transaction.atomic():
        for told in events:
            phone.act(cti, json.dumps(told).encode(), now)
        found = end_state()
        transaction.set_rollback(True)
    return found


_quick = hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_quick
@given(story=st.sampled_from([TALKED, LOST]), chance=st.randoms(use_true_random=False))
def test_any_order_and_repetition_ends_alike(
    cast: Cast, cti: connections.Open, story: Sequence[Event], chance: random.Random
) -> None:
    now = timezone.now()
    told = [event(kind, after, **more) for kind, after, more in story]
    mixed = [*told, *(one for one in told if chance.random() < 0.5)]
    chance.shuffle(mixed)
    first, other = played(cti, told, now), played(cti, mixed, now)
    for found in (first, other):
        found["ticket"] = found["ticket"][:3]  # receipt and reply are dated by what was known first
    assert first == other


def test_a_late_answer_takes_the_caller_off_the_list(cast: Cast, cti: connections.Open) -> None:
    for order in permutations([event("ringing"), event("ended", 65), event("answered", 5)]):
        with transaction.atomic():
            happen(cti, *order)
            assert not CallBack.objects.exists() and Message.objects.filter(kind="call").count() == 1
            transaction.set_rollback(True)


# --- call-backs ------------------------------------------------------------------------------------------------------


def missed(cti: connections.Open, call_id: str = "c1", **told: Any) -> CallBack:
    call = happen(cti, event("ringing", call_id=call_id, **told), event("missed", 20, call_id=call_id, **told))
    assert call.call_back is not None
    return call.call_back


def test_who_called_twice_in_vain_is_called_once(cast: Cast, cti: connections.Open) -> None:
    assert missed(cti) == missed(cti, "c2")
    client = cast.client(cast.lin)
    page = client.get("/calls/").content.decode()
    assert "138****5678" in page and CALLER not in page and "2 次来电" in page
    row = CallBack.objects.get()
    assert client.post(f"/calls/{row.pk}/claim").status_code == 302
    assert f"tel:{CALLER}" in client.get("/calls/").content.decode()
    assert f"tel:{CALLER}" not in cast.client(cast.wang).get("/calls/").content.decode()
    with pytest.raises(Conflict):
        call_backs.claim(actor=cast.actor(cast.wang), call_back_id=row.pk, now=cast.now)
    happen(cti, event("answered", 250, "c3", caller="4008", called=CALLER, direction="out"),
           event("ended", 280, "c3", caller="4008", called=CALLER, direction="out"))  # fmt: skip
    row.refresh_from_db()
    assert row.state == "done" and row.claimed_by_id == cast.lin.pk


def test_not_reached_comes_back_later_and_is_given_up_in_the_end(cast: Cast, cti: connections.Open) -> None:
    row, lin = missed(cti), cast.actor(cast.lin)
    for n in range(1, 6):
        call_backs.claim(actor=lin, call_back_id=row.pk, now=cast.now)
        row = call_backs.not_reached(actor=lin, call_back_id=row.pk, now=cast.now)
        assert row.n_tries == n
        if n < 5:
            assert row.state == "open" and row.not_before is not None
            assert row.not_before >= cast.now + timedelta(minutes=10)
    assert row.state == "given_up"
    with pytest.raises(Conflict):
        call_backs.claim(actor=lin, call_back_id=row.pk, now=cast.now)
    assert facts_of(row.ticket).count("call_back_not_reached") == 4


def test_who_may_call_back(cast: Cast, cti: connections.Open) -> None:
    row = missed(cti)
    with pytest.raises(NotFound):
        call_backs.claim(actor=cast.actor(cast.zhao), call_back_id=row.pk, now=cast.now)
    with pytest.raises(Denied):
        call_backs.claim(actor=cast.actor(cast.chen), call_back_id=row.pk, now=cast.now)
    call_backs.claim(actor=cast.actor(cast.wang), call_back_id=row.pk, now=cast.now)
    assert Ticket.objects.get().assignee_id == cast.wang.pk  # with the call the ticket
    with pytest.raises(Denied):
        call_backs.reached(actor=cast.actor(cast.lin), call_back_id=row.pk, now=cast.now)
    assert cast.api(cast.wang).post(f"/api/v1/call-backs/{row.pk}/release").json()["state"] == "open"
    items = cast.api(cast.wang).get("/api/v1/call-backs").json()["items"]
    assert [(one["number"], one["n_calls"]) for one in items] == [("138****5678", 1)]


@pytest.mark.django_db(transaction=True)
def test_two_agents_never_call_one_customer(live_cast: Cast) -> None:
    cast = live_cast
    data = ConnectionData("热线", {}, {"secret": "geheim"})
    connections.save(actor=cast.actor(cast.admin), kind="cti", code="hotline", data=data, revision=None, now=cast.now)
    found = connections.open_one("hotline")
    assert found is not None
    row = missed(found, agent="lin")

    def claims(person: Person) -> Callable[[], object]:
        actor = cast.actor(person)
        return lambda: call_backs.claim(actor=actor, call_back_id=row.pk, now=cast.now)

    outcomes = at_once([claims(cast.lin), claims(cast.wang)])
    assert sorted(isinstance(one, Conflict) for one in outcomes) == [False, True]
    row.refresh_from_db()
    assert row.state == "claimed"


# --- wrap-up ---------------------------------------------------------------------------------------------------------


def test_a_call_is_wrapped_up(cast: Cast, cti: connections.Open) -> None:
    call = happen(cti, event("answered"), event("ended", 60))
    assert Alert.objects.get(kind="call.wrap_up").person_id == cast.lin.pk
    assert call.ticket is not None
    client, path = cast.client(cast.lin), f"/calls/{call.pk}/wrap-up"
    assert path in client.get(f"/tickets/{call.ticket.number}/").content.decode()
    assert path not in cast.client(cast.chen).get(f"/tickets/{call.ticket.number}/").content.decode()
    assert client.post(path, {"result": "nonsense"}).status_code == 422
    assert client.post(path, {"result": "solved", "category": "order", "note": "已登记"}).status_code == 302
    ticket = Ticket.objects.get()
    assert ticket.category == "order" and Message.objects.get(kind="call").body == "已登记"
    assert path not in client.get(f"/tickets/{ticket.number}/").content.decode()
    told = cast.api(cast.lin).get(f"/api/v1/tickets/{ticket.number}/phone-calls").json()["items"]
    assert told[0]["result"] and told[0]["duration_s"] == 60


def test_who_may_wrap_up_and_when(cast: Cast, cti: connections.Open) -> None:
    call = happen(cti, event("answered"))
    with pytest.raises(Conflict):
        wrap_ups.wrap_up(actor=cast.actor(cast.lin), call_id=call.pk, done=WrapUp("solved"), now=cast.now)
    happen(cti, event("ended", 60))
    for person in (cast.zhao, cast.chen):
        with pytest.raises(NotFound):
            wrap_ups.wrap_up(actor=cast.actor(person), call_id=call.pk, done=WrapUp("solved"), now=cast.now)
    with pytest.raises(Invalid):
        wrap_ups.wrap_up(actor=cast.actor(cast.lin), call_id=call.pk, done=WrapUp("?"), now=cast.now)
    wrap_ups.wrap_up(actor=cast.actor(cast.wang), call_id=call.pk, done=WrapUp("passed_on"), now=cast.now)


# --- the rest --------------------------------------------------------------------------------------------------------


def test_extensions_are_checked(cast: Cast, cti: connections.Open) -> None:
    admin = cast.actor(cast.admin)
    assert "2" in connections.test(actor=admin, code="hotline", now=cast.now)
    data = ConnectionData("热线", {"extensions": ["8001"]}, {"secret": "x"})
    with pytest.raises(Invalid):
        connections.save(actor=admin, kind="cti", code="other", data=data, revision=None, now=cast.now)
    row = Connection.objects.get(code="hotline")
    data = ConnectionData("热线", {"extensions": ["8001=nobody"]})
    connections.save(actor=admin, kind="cti", code="hotline", data=data, revision=row.revision, now=cast.now)
    with pytest.raises(Failed):
        connections.test(actor=admin, code="hotline", now=cast.now)


def test_erasure_takes_the_numbers(cast: Cast, cti: connections.Open) -> None:
    row = missed(cti)
    privacy._erase_tickets([row.ticket_id], True, cast.now)
    assert CALLER not in json.dumps(list(PhoneCall.objects.values_list("events", "caller", "called")))
    row.refresh_from_db()
    assert row.number == ""


@pytest.mark.usefixtures("still")
def test_the_page_costs_the_same_with_many(cast: Cast, cti: connections.Open) -> None:
    from django.test.utils import CaptureQueriesContext

    client, counts = cast.client(cast.wang), []
    for start, stop in ((0, 3), (3, 15)):
        for n in range(start, stop):
            missed(cti, f"x{n}", caller=f"1390000{n:04d}")
        client.get("/calls/")
        with CaptureQueriesContext(connection) as seen:
            assert client.get("/calls/").status_code == 200
        counts.append(len(seen))
    assert counts[0] == counts[1]


def test_the_simulator_speaks_what_the_house_understands(cast: Cast, cti: connections.Open) -> None:
    told = bench_phone.asked(["http://x/hooks/in/cti/hotline", "geheim", "--agent", "8001"])
    happen(cti, *({**one, "at": int(timezone.now().timestamp())} for _wait, one in bench_phone.story(told)))
    assert PhoneCall.objects.get().state == "talked"
    told = bench_phone.asked(["http://x/", "geheim", "--missed"])
    happen(cti, *(one for _wait, one in bench_phone.story(told)))
    assert CallBack.objects.count() == 1


# --- ends that nobody told of ----------------------------------------------------------------------------------------


def test_a_lost_end_frees_the_agent_and_what_comes_later_counts(cast: Cast, cti: connections.Open) -> None:
    call = happen(cti, event("ringing"), event("answered", 5))
    assert presence(cast)[0] == "busy"
    lost_calls.look(timezone.now())
    assert presence(cast)[0] == "busy"  # a long call is no lost one
    later = timezone.now() + timedelta(minutes=lost_calls.LONGEST_MIN)
    lost_calls.look(later)
    assert presence(cast) == ("online", "")
    call.refresh_from_db()
    assert (call.state, call.duration_s) == ("talked", 0) and call.message is not None
    assert Alert.objects.get(kind="call.wrap_up").person_id == cast.lin.pk
    assert Message.objects.filter(ticket=call.ticket, kind="note").count() == 1
    lost_calls.look(later + timedelta(minutes=1))
    assert Message.objects.filter(ticket=call.ticket, kind="note").count() == 1
    call = happen(cti, event("ended", 65, duration_s=60))
    assert (call.duration_s, call.ended_at.timestamp()) == (60, BEGUN + 65)  # type: ignore[union-attr]
    assert Message.objects.get(kind="call").call["duration_s"] == 60


def test_each_gateway_has_its_limit_and_a_lost_ring_is_a_missed_call(cast: Cast, cti: connections.Open) -> None:
    row = Connection.objects.get(code="hotline")
    data = ConnectionData("热线", {"extensions": ["8001=lin"], "longest_min": 10})
    admin = cast.actor(cast.admin)
    connections.save(actor=admin, kind="cti", code="hotline", data=data, revision=row.revision, now=cast.now)
    happen(cti, event("answered", 5))
    happen(cti, event("ringing", 0, "c2", caller="13900001111"))
    lost_calls.look(timezone.now() + timedelta(minutes=16))
    assert presence(cast)[0] == "online"
    assert CallBack.objects.get().number == "13900001111"


def test_a_late_event_counts_by_its_own_instant(cast: Cast, cti: connections.Open) -> None:
    """The gateway was cut off for minutes: the answer was given when it was given, not when we heard of it."""
    known = cast.ticket(customer=CustomerData(name="张三", phone=CALLER), now=timezone.now() - timedelta(minutes=30))
    assert known.assignee_id == cast.lin.pk
    call = happen(cti, event("ended", 125, duration_s=120), event("answered", 5), event("ringing"))
    known.refresh_from_db()
    assert call.ticket_id == known.pk and known.public_reply_at is not None
    assert int(known.public_reply_at.timestamp()) == BEGUN + 5
    said = Message.objects.get(kind="call")
    assert int(said.at.timestamp()) == BEGUN + 5
    response = Clock.objects.get(subject_kind="ticket", subject_id=known.pk, metric="first_response")
    assert response.ended_at is not None and int(response.ended_at.timestamp()) == BEGUN + 5


def test_the_form_opens_by_itself_for_who_talked(cast: Cast, cti: connections.Open) -> None:
    lin, wang = cast.client(cast.lin), cast.client(cast.wang)
    assert lin.get("/calls/wrap-up").status_code == 204
    call = happen(cti, event("answered"), event("ended", 280))
    assert facts_of(call.ticket).count("call_over") == 1  # type: ignore[arg-type]
    assert f"/calls/{call.pk}/wrap-up" in lin.get("/calls/wrap-up").content.decode()
    assert wang.get("/calls/wrap-up").status_code == 204
    lin.post(f"/calls/{call.pk}/wrap-up", {"result": "solved"})
    assert lin.get("/calls/wrap-up").status_code == 204


def test_people_say_where_they_sit(cast: Cast, cti: connections.Open) -> None:
    api = cast.api(cast.zhao)
    assert api.get("/api/v1/me/extension").json() == {"extension": ""}

    def put(person: Person, number: str) -> int:
        path, told = "/api/v1/me/extension", {"extension": number}
        return cast.api(person).put(path, told, content_type="application/json").status_code

    assert put(cast.zhao, "8009") == 200 and api.get("/api/v1/me/extension").json() == {"extension": "8009"}
    assert phone.person_of(cti, "8009") == cast.zhao
    assert put(cast.zhao, "8001") == 409  # Lin's, says the administrator
    assert put(cast.zhao, "a b") == 422
    assert put(cast.wang, "8009") == 200
    assert phone.person_of(cti, "8009") == cast.wang and phone.person_of(cti, "8002") == cast.wang
    assert api.get("/api/v1/me/extension").json() == {"extension": ""}
    assert cast.client(cast.wang).post("/calls/extension", {"extension": ""}).status_code == 302
    assert phone.person_of(cti, "8009") is None
    assert put(cast.chen, "8010") == 403


_words = st.sampled_from(
    [*core_phone.EVENTS, "in", "out", CALLER, "8001", "lost", "", "\x00", "9" * 400, "https://x/1"]
)
_value = _words | st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.lists(st.none())
_names = ("event", "call_id", "at", "caller", "called", "direction", "agent", "queue", "duration_s", "recording_url")
_told = st.fixed_dictionaries({}, optional=dict.fromkeys(_names, _value)).map(lambda told: json.dumps(told).encode())
_likely = st.builds(
    lambda kind, call_id, more: json.dumps(more | {"event": kind, "call_id": call_id}).encode(),
    st.sampled_from(core_phone.EVENTS), st.sampled_from(["c1", "c2"]), st.dictionaries(st.sampled_from(_names), _value),
)  # fmt: skip


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=_likely | _told | st.binary(max_size=300), signed=st.booleans())
def test_whatever_a_gateway_says_is_done_or_kept_with_a_reason(
    cast: Cast, cti: connections.Open, body: bytes, signed: bool
) -> None:
    at = str(int(timezone.now().timestamp()))
    headers = {"X-Jiying-Timestamp": at, "X-Jiying-Signature": hooks.sign("geheim" if signed else "x", at, body)}
    n = HookCall.objects.count()
    client = Client(raise_request_exception=False)
    answer = client.post("/hooks/in/cti/hotline", body, content_type="application/json", headers=headers)
    assert answer.status_code == (200 if signed else 401)
    due.run(due.SWEEPS["hooks_in"], timezone.now())
    assert HookCall.objects.count() - n <= signed
    for call in HookCall.objects.all():
        assert call.state in ("done", "nothing", "refused") and call.parked_at is None
        assert call.attempts == 0, call.last_error
        assert bool(call.fault) == (call.state == "refused")
