"""A chat message from one side's send to its text at the other, 500 open chats, all streams connected: `-m bench.chat`.

Half of the messages go each way. The text counts as arrived when the doorbell has come and what it rang for is fetched,
as the pages do. JIYING_BENCH_CHATS, JIYING_BENCH_SECONDS and JIYING_BENCH_RATE (messages a second) set the size.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from bench import ground, web
from bench.table import show

N = int(os.environ.get("JIYING_BENCH_CHATS", 500))
SECONDS = int(os.environ.get("JIYING_BENCH_SECONDS", 20))
RATE = float(os.environ.get("JIYING_BENCH_RATE", 20))
AGENTS, LIMIT_MS, WARM = 50, 300, 24
IN, OUT = "visitor → agent", "agent → visitor"


@dataclass
class Chat:
    """One open chat: the visitor's token, the agent's API token, what the visitor has seen, what is waited for."""

    token: str
    number: str
    agent: str
    last: int = 0
    waits: dict[tuple[str, str], float] = field(default_factory=dict)  # (way, mark): when it was sent


@dataclass
class Run:
    """The house's port, its chats, and the delays that were measured, by way."""

    port: int
    chats: list[Chat]
    delays: dict[str, list[float]] = field(default_factory=lambda: {IN: [], OUT: []})
    n_sent: int = 0

    def arrived(self, chat: Chat, way: str, text: str) -> None:
        for key in [key for key in chat.waits if key[0] == way and key[1] in text]:
            self.delays[way].append(time.perf_counter() - chat.waits.pop(key))


async def ask(run: Run, method: str, path: str, body: object = None, **headers: str) -> str:
    """One request on a connection of its own: the least that a client can be good at."""
    reader, writer = await asyncio.open_connection("127.0.0.1", run.port)
    sent = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", f"Content-Length: {len(sent)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if sent:
        lines.append("Content-Type: application/json")
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + sent)
    text = (await reader.read()).decode()
    writer.close()
    status = text.split(" ", 2)[1]
    if not status.startswith("2"):
        raise RuntimeError(f"{method} {path}: {text[:400]}")
    return text


async def bells(run: Run, authorization: str, topics: str, ready: asyncio.Event) -> AsyncIterator[dict[str, object]]:
    """The doorbells of one stream; a process that has just started asks to come again in a moment, as to all."""
    status = b""
    while b" 200 " not in status:
        reader, writer = await asyncio.open_connection("127.0.0.1", run.port, limit=2**20)
        writer.write(
            f"GET /live?topics={topics} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {authorization}\r\n"
            "Accept: text/event-stream\r\n\r\n".encode()
        )
        status = await reader.readline()
        if b" 200 " not in status and b" 503 " not in status:
            raise RuntimeError(status.decode())
        await asyncio.sleep(0 if b" 200 " in status else 0.5)
    ready.set()
    async for line in reader:
        if line.startswith(b"data: {"):
            yield json.loads(line[6:])


async def visitor(run: Run, chat: Chat, ready: asyncio.Event) -> None:
    async for bell in bells(run, f"Chat {chat.token}", "", ready):
        if bell.get("kind") != "said":
            continue
        text = await ask(run, "GET", f"/chat/bench/state?after={chat.last}", X_Chat_Token=chat.token)
        run.arrived(chat, OUT, text)


async def agent(run: Run, token: str, ready: asyncio.Event) -> None:
    """Hears of all own tickets; fetches the one that rang."""
    mine = {chat.number: chat for chat in run.chats if chat.agent == token}
    by_subject = {chat.token.partition(".")[0]: number for number, chat in mine.items()}
    async for bell in bells(run, f"Bearer {token}", "me", ready):
        number = by_subject.get(str(bell.get("subject", "")).removeprefix("ticket:"))
        if bell.get("kind") != "ticket.message" or number is None:
            continue
        path = f"/api/v1/tickets/{number}/messages?limit=100"
        run.arrived(mine[number], IN, await ask(run, "GET", path, Authorization=f"Bearer {token}"))


async def talk(run: Run, n: int) -> None:
    """Message n: from the visitor of one chat, or from the agent of another."""
    chat, mark = run.chats[n * 7 % len(run.chats)], f"mark{n:06d}."
    chat.waits[IN if n % 2 else OUT, mark] = time.perf_counter()
    run.n_sent += 1
    if n % 2:
        body = {"id": f"bench-{n:08d}", "text": mark, "after": str(chat.last)}
        await ask(run, "POST", "/chat/bench/say", body, X_Chat_Token=chat.token)
    else:
        path = f"/api/v1/tickets/{chat.number}/reply"
        await ask(run, "POST", path, {"body": mark}, Authorization=f"Bearer {chat.agent}")


async def measure(run: Run) -> None:
    gates: list[asyncio.Event] = []

    def gate() -> asyncio.Event:
        gates.append(asyncio.Event())
        return gates[-1]

    tokens = sorted({chat.agent for chat in run.chats})
    listening = [asyncio.create_task(visitor(run, chat, gate())) for chat in run.chats]
    listening += [asyncio.create_task(agent(run, token, gate())) for token in tokens]
    await asyncio.wait_for(asyncio.gather(*(one.wait() for one in gates)), 120)
    for n in range(WARM):  # each process reads its templates and tables once; that is not what is asked
        await talk(run, 10**6 + n)
    await asyncio.sleep(2)
    run.n_sent, run.delays = 0, {IN: [], OUT: []}
    begun, sending = time.perf_counter(), []
    for n in range(int(RATE * SECONDS)):
        await asyncio.sleep(max(0.0, begun + n / RATE - time.perf_counter()))
        sending.append(asyncio.create_task(talk(run, n)))
    await asyncio.gather(*sending)
    await asyncio.sleep(3)
    for task in listening:
        task.cancel()
    await asyncio.gather(*listening, return_exceptions=True)


def chats() -> list[Chat]:
    """N chats by the services themselves, in the hands of AGENTS."""
    from django.utils import timezone

    from jiying.base import connections
    from jiying.base.actor import SYSTEM
    from jiying.base.models import ApiToken, Person
    from jiying.base.tokens import PREFIX, digest
    from jiying.channels.services import chatting, widgets

    most = {"starts_an_hour": 100_000, "all_an_hour": 100_000, "messages_a_minute": 1000}
    data = connections.ConnectionData(name="Bench", options=most)
    connections.save(actor=SYSTEM, kind=widgets.KIND, code="bench", data=data, revision=None, now=timezone.now())
    tokens = {pk: f"{PREFIX}bench{pk}" for pk in Person.objects.values_list("pk", flat=True)}
    ApiToken.objects.bulk_create(ApiToken(person_id=p, name="bench", digest=digest(t)) for p, t in tokens.items())
    widget, made = widgets.opened("bench"), []
    for n in range(N):
        begun = chatting.Begun(key=f"bench-begin-{n:06d}", text=f"问题 {n}", name=f"访客{n}")
        seen = chatting.begin(widget=widget, begun=begun, address=str(n), now=timezone.now())
        made.append(Chat(seen.token, seen.ticket.number, tokens[seen.ticket.assignee_id or 0]))
    return made


def percentiles(delays: list[float]) -> str:
    ordered = sorted(delay * 1000 for delay in delays)
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.95, 0.99)]
    return f"p50 {at[0]:4.0f} ms   p95 {at[1]:4.0f} ms   p99 {at[2]:4.0f} ms   max {ordered[-1]:4.0f} ms"


def run() -> None:
    ground.open_house(AGENTS)
    made = chats()
    with web.serving(JIYING_STREAMS="3000") as port:
        found = Run(port, made)
        asyncio.run(measure(found))
    show(
        f"\nSent → fetched at the other side: {N} open chats, {len(made) + AGENTS} streams, {RATE:g} messages a second"
    )
    for way, delays in found.delays.items():
        show(f"{way}   {percentiles(delays)}   ({len(delays)} messages)")
    n = sum(len(delays) for delays in found.delays.values())
    show(f"{n} of {found.n_sent} arrived; limit p95 < {LIMIT_MS} ms")
    assert n == found.n_sent


if __name__ == "__main__":
    ground.on_both("bench.chat", run)
