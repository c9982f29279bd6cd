"""`GET /live`: the event stream, natively in ASGI. No database connection and no thread is held while streaming.

Who asks and what they may hear is checked at the start and every minute again; see docs of `push` for the content.
A guest (a visitor of a chat) shows a token of a feature's, and hears what that feature lets them hear, by other names.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from urllib.parse import parse_qs

from django.conf import settings
from django.contrib import auth
from django.db import DatabaseError, connections
from django.http import HttpRequest
from django.utils import timezone

from jiying.base import journal, problems, push, subjects, telemetry, tokens
from jiying.base.actor import Actor, of_person
from jiying.base.errors import Fault
from jiying.base.models import Person
from jiying.base.policies import has
from jiying.base.problems import Receive, Scope, Send

HEARTBEAT_S = 15.0
RECHECK_S = 60.0
MAX_TOPICS = 50
PER_PERSON = 20
PER_GUEST = 4
FOR_GUESTS = 0.75  # of all streams: however many visitors come, the house hears its own doorbells
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back
]


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks for: its credentials, its topics as it names them, the last position that it has seen."""

    session_key: str
    bearer: str
    topics: tuple[str, ...]
    last: int | None
    guest: tuple[str, str] | None = None  # the scheme of a feature, and its token

    @classmethod
    def of(cls, scope: Scope) -> "Request":
        query = parse_qs(scope["query_string"].decode("latin1"), max_num_fields=20)
        topics = [t.strip() for value in query.get("topics", []) for t in value.split(",") if t.strip()]
        last = problems.header(scope, b"last-event-id") or query.get("last", [""])[0]
        scheme, _, bearer = problems.header(scope, b"authorization").partition(" ")
        return cls(
            session_key=problems.cookies(scope).get(settings.SESSION_COOKIE_NAME, ""),
            bearer=bearer.strip() if scheme.lower() == "bearer" else "",
            topics=tuple(dict.fromkeys(topics or ["me"])),
            last=int(last) if last.isascii() and last.isdigit() and len(last) < 19 else None,
            guest=(scheme.lower(), bearer.strip()) if scheme.lower() in GUESTS else None,
        )


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why there is no stream."""

    status: int
    title: str
    fault: Fault
    retry_after_s: int = 0


@dataclass(frozen=True, slots=True)
class Admitted:
    """Whom streams are counted by (a guest: a number below 0), {topic: names} that they may hear, see `push.Client`."""

    who: int
    named: Mapping[str, frozenset[str]]
    kinds: Mapping[str, str] | None = None


# Schemes of `Authorization` that are no person's: who shows this token at this instant, or None. Features fill this in
# `AppConfig.ready`; what is asked for in `topics` does not matter there.
GUESTS: dict[str, Callable[[str, datetime], Admitted | None]] = {}

SIGNED_OUT = Refusal(401, "signed_out", Fault("", "signed_out"))


def authenticate(request: Request) -> Actor | None:
    """The actor of a token or of a signed-in session; None for anybody else. Reads the database."""
    if request.bearer:
        return tokens.authenticate(request.bearer, timezone.now())
    if not request.session_key:
        return None
    asked = HttpRequest()
    asked.session = import_module(settings.SESSION_ENGINE).SessionStore(request.session_key)
    person = auth.get_user(asked)
    return of_person(person) if isinstance(person, Person) and person.is_active else None


# Topics of one word besides `me`: who may hear them. Features fill this in `AppConfig.ready`.
TOPICS: dict[str, Callable[[Actor], bool]] = {}


def topics_of(actor: Actor) -> list[str]:
    """The topics of one word that an actor may hear: every page listens to them."""
    return [name for name, may_hear in TOPICS.items() if may_hear(actor)]


def topic(actor: Actor, name: str) -> str | None:
    """The topic that a client's name means, or None where there is none or the actor may not hear it.

    `team:x` needs the own team or the right to see all tickets: a doorbell of another team tells that it has work.
    """
    if name == "me":
        return f"person:{actor.person.pk}" if actor.person else None
    if name in TOPICS:
        return name if TOPICS[name](actor) else None
    kind, _, key = name.partition(":")
    if not (key.isascii() and key.isdigit() and len(key) < 19):
        return None
    number = int(key)
    if kind == "team":
        allowed = actor.team_id == number or has(actor, "desk.view_all")
    elif kind in subjects.KINDS:
        allowed = subjects.kind(kind).visible(actor, number)
    else:
        allowed = actor.person is not None and kind == "person" and actor.person.pk == number
    return f"{kind}:{number}" if allowed else None


def admit(request: Request) -> Admitted | Refusal:
    """Who it is, and {topic: names} that they may hear; or why not. Reads the database, leaves no connection open."""
    try:
        if request.guest is not None:
            scheme, token = request.guest
            return GUESTS[scheme](token, timezone.now()) or SIGNED_OUT
        actor = authenticate(request)
        if actor is None or actor.person is None:
            return SIGNED_OUT
        if len(request.topics) > MAX_TOPICS:
            return Refusal(422, "invalid", Fault("topics", "out_of_range", {"low": 1, "high": MAX_TOPICS}))
        named: dict[str, frozenset[str]] = {}
        for name in request.topics:
            meant = topic(actor, name)
            if meant is None:
                return Refusal(403, "denied", Fault("topics", "not_found", {"kind": "topic", "key": name[:60]}))
            named[meant] = named.get(meant, frozenset()) | {name}
        return Admitted(actor.person.pk, named)
    finally:
        connections.close_all()


def missed(after: int, upto: int, named: Mapping[str, frozenset[str]]) -> list[push.Bell] | None:
    """The doorbells for these topics in (after, upto]; None if there are too many to make up for.

    A client that comes from a quicker process may be ahead of ours; one that is ahead of the journal knows another.
    """
    if upto - after > push.CATCH_UP:
        return None
    try:
        if after > upto:
            return [] if after <= journal.last_position() else None
        bells = push.bells_after(after, upto - after) if upto > after else []
    finally:
        connections.close_all()
    return [bell for bell in bells if bell.position <= upto and not bell.topics.isdisjoint(named)]


def event(name: str, position: int, data: Mapping[str, object], *, seen: bool = True) -> bytes:
    """One event. With `seen` the client has everything up to `position` now, and goes on from there when cut off."""
    text = json.dumps({**data, "position": position}, ensure_ascii=False, separators=(",", ":"))
    place = f"id: {position}\n" if seen else ""
    return f"event: {name}\n{place}data: {text}\n\n".encode()


def doorbells(client: push.Client, bells: Sequence[push.Bell]) -> bytes:
    return b"".join(
        event(
            "doorbell",
            b.position,
            _told(client, b),
            seen=bool(b.position),  # a whisper moves nobody's place
        )
        for b in bells
        if client.hears(b)
    )


def _told(client: push.Client, bell: push.Bell) -> dict[str, object]:
    if client.kinds is not None:  # neither the house's ids nor its words
        return {"topics": client.names(bell), "subject": "", "kind": client.kinds[bell.kind]}
    return {"topics": client.names(bell), "subject": bell.subject, "kind": bell.kind}


class Live:
    """All streams of a web process."""

    def __init__(self, max_streams: int) -> None:
        self.hub, self._max = push.Hub(), max_streams
        self._tail: push.Tail | None = None
        # Own threads: a queue of slow pages must not keep anybody from the stream.
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="live")
        self._closed = False

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._tail = push.Tail(self.hub, loop)
        self._tail.start()

    def close(self) -> None:
        """End all streams politely (clients reconnect by themselves) and the tail with them."""
        self._closed = True
        self.hub.end_all("restart")
        if self._tail:
            self._tail.stopping.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await problems.send(scope, send, 405, "method_not_allowed", [])
            return
        request = Request.of(scope)
        admitted = await self._admit(request)
        if isinstance(admitted, Refusal):
            await problems.send(scope, send, admitted.status, admitted.title, [admitted.fault], admitted.retry_after_s)
            return
        client = push.Client(admitted.who, admitted.named, admitted.kinds)
        self.hub.add(client)
        telemetry.STREAMS.set(len(self.hub.clients))
        gone = asyncio.create_task(_watch(receive, client))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            async for chunk in self._stream(client, request):
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            self.hub.remove(client)
            telemetry.STREAMS.set(len(self.hub.clients))

    async def _admit(self, request: Request) -> Admitted | Refusal:
        busy = Refusal(503, "busy", Fault("", "too_many_streams"), 5)
        most = self._max * FOR_GUESTS if request.guest else self._max
        if self._closed or len(self.hub.clients) >= most or not (self._tail and self._tail.ready.is_set()):
            return busy
        try:
            admitted = await asyncio.get_running_loop().run_in_executor(self._threads, admit, request)
        except DatabaseError:
            return busy
        each = PER_GUEST if request.guest else PER_PERSON
        if not isinstance(admitted, Refusal) and self.hub.of_person(admitted.who) >= each:
            return Refusal(429, "busy", Fault("", "too_many_streams"), 30)
        return admitted

    async def _stream(self, client: push.Client, request: Request) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        start = self.hub.position  # the client is registered: whatever comes later is in its queue
        behind = request.last is not None
        yield b"retry: 2000\n\n" + event("hello", start, {"topics": sorted(request.topics)}, seen=not behind)
        seen = 0
        if request.last is not None:
            bells = await loop.run_in_executor(self._threads, missed, request.last, start, client.named)
            if bells is None:
                yield event("resync", start, {})
            else:
                seen = max(request.last, start)
                yield doorbells(client, bells) + b"id: %d\n\n" % seen
        check_at = loop.time() + RECHECK_S * random.uniform(0.8, 1.2)  # noqa: S311 - spreads the load
        while not client.ended:
            try:
                await asyncio.wait_for(client.awake.wait(), HEARTBEAT_S)
            except TimeoutError:
                yield b": \n\n"
            refresh, bells = client.take()
            if refresh:
                yield event("resync", self.hub.position, {})
            if bells := [bell for bell in bells if bell.position > seen or not bell.position]:
                yield doorbells(client, bells)
            if loop.time() >= check_at and not client.ended:
                await self._recheck(client, request)
                check_at = loop.time() + RECHECK_S
        # Something may wait in the queue yet: the client asks for it when it comes back.
        yield event("bye", self.hub.position, {"reason": client.ended}, seen=False)

    async def _recheck(self, client: push.Client, request: Request) -> None:
        """Ends the stream of whoever has signed out, was deactivated, or may not hear a topic any more."""
        try:
            admitted = await asyncio.get_running_loop().run_in_executor(self._threads, admit, request)
        except DatabaseError:
            return  # the database restarts: asked again in a minute, and nothing is streamed meanwhile
        if isinstance(admitted, Refusal):
            client.end(admitted.title)


async def _watch(receive: Receive, client: push.Client) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    client.end("gone")
