"""The event stream: who may hear what, catching up after a reconnect, slow clients, and the end of a session."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from jiying.base import journal, live, push
from jiying.base.actor import SYSTEM
from jiying.base.models import Person
from tests.cast import Cast

NOW = datetime(2026, 9, 9, 2, 0, tzinfo=UTC)


def bell(position: int, *topics: str) -> push.Bell:
    return push.Bell(position, topics[0], "thing.made", frozenset(topics))


def client(**named: str) -> push.Client:
    """A client that calls topic `value` by the name `key`."""
    return push.Client(1, {topic: frozenset([name]) for name, topic in named.items()})


# --- topics ----------------------------------------------------------------------------------------------------------


def test_everybody_hears_of_themselves_and_nobody_of_others(cast: Cast):
    lin = cast.actor(cast.lin)
    assert live.topic(lin, "me") == f"person:{cast.lin.pk}"
    assert live.topic(lin, f"person:{cast.lin.pk}") == f"person:{cast.lin.pk}"
    assert live.topic(lin, f"person:{cast.wang.pk}") is None
    assert live.topic(cast.actor(cast.admin), f"person:{cast.lin.pk}") is None


def test_a_team_is_heard_by_its_members_and_by_those_who_see_all(cast: Cast):
    team1 = f"team:{cast.team1.pk}"
    heard = {p.username for p in cast.everybody() if live.topic(cast.actor(p), team1)}
    assert heard == {"lin", "wang", "chen", "sun", "ou", "ma", "adm"}


def test_a_ticket_is_heard_by_whoever_may_see_it(cast: Cast):
    ticket = cast.accepted(by=cast.lin)
    name = f"ticket:{ticket.pk}"
    assert live.topic(cast.actor(cast.lin), name) == name
    assert live.topic(cast.actor(cast.sup), name) == name
    assert live.topic(cast.actor(cast.zhao), name) is None
    assert live.topic(cast.actor(cast.sup), f"ticket:{ticket.pk + 1000}") is None


@pytest.mark.parametrize(
    "name", ["", "all", "team:", "team:x", "team:-1", "team:²", "customer:1", "ticket:" + "9" * 30]
)
def test_what_is_no_topic_is_refused(cast: Cast, name: str):
    assert live.topic(cast.actor(cast.admin), name) is None


# --- the hub ---------------------------------------------------------------------------------------------------------


def test_a_doorbell_reaches_its_topics_once_and_names_them_as_the_client_did():
    hub, me, other = push.Hub(), client(me="person:1", mine="ticket:5"), client(me="person:2")
    hub.add(me)
    hub.add(other)
    hub.hand_out([bell(1, "ticket:5", "person:1", "team:3"), bell(1, "ticket:5"), bell(2, "ticket:6")])
    assert me.take() == (False, [bell(1, "ticket:5", "person:1", "team:3")])
    assert me.names(bell(1, "ticket:5", "person:1")) == ["me", "mine"]
    assert other.take() == (False, [])
    assert hub.position == 2


def test_a_slow_client_is_told_to_refresh_everything():
    hub, slow = push.Hub(), client(me="person:1")
    hub.add(slow)
    hub.hand_out(bell(n, "person:1") for n in range(1, push.QUEUE + 50))
    assert slow.take() == (True, [])
    hub.hand_out([bell(push.QUEUE + 50, "person:1")])
    assert slow.take() == (False, [bell(push.QUEUE + 50, "person:1")])


def test_a_client_that_left_gets_nothing():
    hub, gone = push.Hub(), client(me="person:1")
    hub.add(gone)
    hub.remove(gone)
    hub.hand_out([bell(1, "person:1")])
    assert gone.take() == (False, [])


# --- streams ---------------------------------------------------------------------------------------------------------


class Listener:
    """One client of the ASGI application `app`, without a server between."""

    def __init__(self, app: live.Live, query: str = "", **headers: str) -> None:
        self.status, self.text, self.over = 0, "", False
        self.headers: dict[bytes, bytes] = {}
        self._gone = asyncio.Event()
        self._asked = False
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/live",
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        }
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.text += message["body"].decode()
            self.over = not message.get("more_body", False)

    def events(self, name: str) -> list[dict[str, Any]]:
        blocks = [block.split("\n") for block in self.text.split("\n\n")]
        return [json.loads(b[-1].removeprefix("data: ")) for b in blocks if b[0] == f"event: {name}"]

    def ids(self) -> list[tuple[str, int]]:
        """(event, id) of whatever moves the place from which a client that is cut off goes on."""
        found = []
        for block in self.text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":") and line)
            found += [(fields.get("event", ""), int(fields["id"]))] if "id" in fields else []
        return found

    async def until(self, true: Callable[[], object], what: str) -> None:
        for _ in range(200):
            if true():
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"{what} did not come; got {self.text!r}")

    async def leave(self) -> None:
        self._gone.set()
        await asyncio.wait_for(self.task, 5)


async def in_thread(work: Callable[[], Any]) -> Any:
    """The database is never asked in the loop's own thread."""

    def closing() -> Any:
        try:
            return work()
        finally:
            connection.close()

    return await asyncio.to_thread(closing)


def ring(*topics: str, subject: int = 1) -> None:
    journal.record(SYSTEM, [journal.Fact("thing", subject, "thing.made", NOW, rings=topics)], now=NOW)
    journal.sequence()


@asynccontextmanager
async def streaming(max_streams: int = 10) -> AsyncIterator[live.Live]:
    app = live.Live(max_streams)
    app.start(asyncio.get_running_loop())
    assert app._tail is not None
    await asyncio.to_thread(app._tail.ready.wait, 5)
    try:
        yield app
    finally:
        app.close()
        await asyncio.to_thread(app._tail.join, 5)


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(scenario())  # type: ignore[arg-type]


def bearer(cast: Cast, person: Person) -> str:
    return f"Bearer {cast.token(person)}"


def test_a_journal_entry_rings_at_whom_it_concerns(live_cast: Cast):
    lin, zhao = bearer(live_cast, live_cast.lin), bearer(live_cast, live_cast.zhao)
    team, me = f"team:{live_cast.team1.pk}", f"person:{live_cast.lin.pk}"
    journal.sequence()

    async def scenario() -> None:
        async with streaming() as app:
            hers, his = Listener(app, f"topics=me,{team}", authorization=lin), Listener(app, authorization=zhao)
            await hers.until(lambda: hers.events("hello"), "hello")
            await his.until(lambda: his.events("hello"), "hello")
            await in_thread(lambda: ring(me, team))
            await hers.until(lambda: hers.events("doorbell"), "doorbell")
            rung = hers.events("doorbell")[0]
            position = hers.events("hello")[0]["position"] + 1
            expected = {
                "topics": sorted(["me", team]),
                "subject": "thing:1",
                "kind": "thing.made",
                "position": position,
            }
            assert rung == expected
            assert f"id: {position}\n" in hers.text
            assert hers.headers[b"x-accel-buffering"] == b"no"
            assert hers.headers[b"cache-control"] == b"no-store"
            assert his.events("doorbell") == []
            await hers.leave()
            await his.leave()
            assert app.hub.clients == set()

    run(scenario)


def test_a_reconnecting_client_gets_what_it_missed_and_nothing_twice(live_cast: Cast):
    lin, me = bearer(live_cast, live_cast.lin), f"person:{live_cast.lin.pk}"
    journal.sequence()
    before = journal.last_position()
    for n in range(1, 6):
        ring(me if n != 3 else "person:99", subject=n)

    async def scenario() -> None:
        async with streaming() as app:
            by_header = Listener(app, authorization=lin, last_event_id=str(before + 1))
            by_query = Listener(app, f"topics=me&last={before + 4}", authorization=lin)
            await by_header.until(lambda: len(by_header.events("doorbell")) == 3, "what was missed")
            await by_query.until(lambda: by_query.events("doorbell"), "what was missed")
            await in_thread(lambda: ring(me, subject=6))
            await by_header.until(lambda: len(by_header.events("doorbell")) == 4, "what is new")
            await by_query.until(lambda: len(by_query.events("doorbell")) == 2, "what is new")
            assert [e["subject"] for e in by_header.events("doorbell")] == ["thing:2", "thing:4", "thing:5", "thing:6"]
            assert [e["subject"] for e in by_query.events("doorbell")] == ["thing:5", "thing:6"]
            assert by_header.events("resync") == []

    run(scenario)


def test_a_client_that_is_cut_off_while_it_catches_up_loses_nothing(live_cast: Cast):
    """Neither the hello nor the bye moves its place past doorbells that it has not got."""
    lin, me = bearer(live_cast, live_cast.lin), f"person:{live_cast.lin.pk}"
    journal.sequence()
    before = journal.last_position()
    for n, topic in enumerate((me, me, "person:99"), start=1):
        ring(topic, subject=n)

    async def scenario() -> None:
        async with streaming() as app:
            listener = Listener(app, authorization=lin, last_event_id=str(before))
            await listener.until(lambda: len(listener.ids()) == 3, "the end of catching up")
            assert listener.ids() == [("doorbell", before + 1), ("doorbell", before + 2), ("", before + 3)]
            app.hub.end_all("restart")
            app.hub.hand_out([bell(before + 4, me)])
            await listener.until(lambda: listener.over, "the end")
            assert listener.events("bye")[0]["reason"] == "restart"
            assert max(place for event, place in listener.ids() if event != "doorbell") == before + 3

    run(scenario)


def test_a_client_that_comes_from_a_quicker_process_gets_nothing_twice(live_cast: Cast):
    lin, me = bearer(live_cast, live_cast.lin), f"person:{live_cast.lin.pk}"
    ring(me)
    last = journal.last_position()

    async def scenario() -> None:
        async with streaming() as app:
            app.hub.position = last - 1  # this process has not heard of the last one yet
            listener = Listener(app, authorization=lin, last_event_id=str(last))
            await listener.until(lambda: listener.ids() == [("", last)], "the end of catching up")
            app.hub.hand_out([bell(last, me), bell(last + 1, me)])
            await listener.until(lambda: listener.events("doorbell"), "what is new")
            assert [e["position"] for e in listener.events("doorbell")] == [last + 1]
            assert listener.events("resync") == []

    run(scenario)


def test_who_was_away_too_long_or_comes_from_another_journal_refreshes_everything(
    live_cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(push, "CATCH_UP", 2)
    lin, me = bearer(live_cast, live_cast.lin), f"person:{live_cast.lin.pk}"
    for n in range(3):
        ring(me, subject=n)
    last = journal.last_position()

    async def scenario() -> None:
        async with streaming() as app:
            for position, expected in ((last - 3, 1), (last + 1, 1), (last - 2, 0), (last, 0)):
                listener = Listener(app, authorization=lin, last_event_id=str(position))
                await listener.until(lambda: listener.events("hello"), "hello")  # noqa: B023 - awaited here
                if expected:
                    await listener.until(lambda: listener.events("resync"), "resync")  # noqa: B023 - awaited here
                await in_thread(lambda: None)
                await asyncio.sleep(0.1)
                assert len(listener.events("resync")) == expected, position
                await listener.leave()

    run(scenario)


def test_a_session_opens_a_stream_and_its_end_closes_it(live_cast: Cast, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "RECHECK_S", 0.0)
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.05)
    browser = live_cast.client(live_cast.lin)
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())

    async def scenario() -> None:
        async with streaming() as app:
            listener = Listener(app, cookie=cookie)
            await listener.until(lambda: listener.text.count(": \n\n") > 2, "heartbeats")
            assert not listener.over
            await in_thread(browser.logout)
            await listener.until(lambda: listener.over, "the end")
            assert listener.events("bye")[0]["reason"] == "signed_out"
            late = Listener(app, cookie=cookie)
            await late.until(lambda: late.over, "refusal")
            assert late.status == 401

    run(scenario)


def test_a_deactivated_person_and_a_lost_ticket_lose_the_stream(live_cast: Cast, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(live, "RECHECK_S", 0.0)
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.05)
    lin, wang = bearer(live_cast, live_cast.lin), bearer(live_cast, live_cast.wang)
    team = f"topics=team:{live_cast.team1.pk}"

    async def scenario() -> None:
        async with streaming() as app:
            leaver, mover = Listener(app, authorization=lin), Listener(app, team, authorization=wang)
            await leaver.until(lambda: leaver.events("hello") and mover.events("hello"), "hello")
            people = Person.objects.filter(pk=live_cast.lin.pk)
            await in_thread(lambda: people.update(is_active=False))
            moved = Person.objects.filter(pk=live_cast.wang.pk)
            await in_thread(lambda: moved.update(team=live_cast.team2))
            await leaver.until(lambda: leaver.over and mover.over, "the end")
            assert leaver.events("bye")[0]["reason"] == "signed_out"
            assert mover.events("bye")[0]["reason"] == "denied"

    run(scenario)


def test_strangers_forbidden_topics_and_too_many_streams_are_refused_as_problems(
    live_cast: Cast, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(live, "PER_PERSON", 1)
    lin, wang, zhao = (bearer(live_cast, p) for p in (live_cast.lin, live_cast.wang, live_cast.zhao))
    many = "topics=" + ",".join(f"team:{n}" for n in range(live.MAX_TOPICS + 1))
    foreign = f"topics=me,team:{live_cast.team1.pk}"

    async def scenario() -> None:
        async with streaming(max_streams=2) as app:
            for status, query, headers in (
                (401, "", {}),
                (401, "", {"authorization": "Bearer jy_wrong"}),
                (401, "", {"cookie": "sessionid=forged"}),
                (403, foreign, {"authorization": zhao}),
                (422, many, {"authorization": lin}),
            ):
                listener = Listener(app, query, **headers)
                await listener.until(lambda: listener.over, "refusal")  # noqa: B023 - awaited here
                assert (listener.status, json.loads(listener.text)["status"]) == (status, status)
                assert listener.headers[b"content-type"] == b"application/problem+json"
            first = Listener(app, authorization=lin)
            await first.until(lambda: first.events("hello"), "hello")
            again = Listener(app, authorization=lin)
            await again.until(lambda: again.over, "refusal")
            assert again.status == 429
            other = Listener(app, authorization=wang)
            await other.until(lambda: other.events("hello"), "hello")
            full = Listener(app, authorization=zhao)
            await full.until(lambda: full.over, "refusal")
            assert full.status == 503
            app.close()
            await first.until(lambda: first.over and other.over, "the end at shutdown")
            assert first.events("bye")[0]["reason"] == "restart"

    run(scenario)
