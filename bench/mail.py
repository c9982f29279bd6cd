"""Mails taken in (read, customer found, ticket routed with clocks, files hung) beside the bare parse of the same mails.

One worker's sweep over mails that are stored already, as after an outage. JIYING_BENCH_MAILS: how many.
"""

import os
import time
from collections.abc import Callable
from email.message import EmailMessage
from io import BytesIO

from bench import ground
from bench.table import show

N = int(os.environ.get("JIYING_BENCH_MAILS", 600))


def letter(i: int) -> bytes:
    """As a web mailer writes it: text and HTML, a quoted mail below, on every fifth a picture."""
    made = EmailMessage()
    made["From"], made["To"] = f"客户{i} <customer{i}@customer.cn>", "客服 <kf@example.com>"
    made["Subject"], made["Message-ID"] = f"订单 {i} 一直没有收到", f"<{i}@customer.cn>"
    made["Date"] = "Wed, 09 Sep 2026 10:00:00 +0800"
    quote = "\n".join(f"> 第 {n} 行旧内容" for n in range(30))
    made.set_content(
        f"您好，我上周五下的单 {i}，到现在没有更新。\n\n在 2026-09-08，客服 <kf@example.com> 写道：\n\n{quote}\n"
    )
    made.add_alternative(f"<p>您好，我上周五下的单 {i}</p><blockquote>{'旧内容<br>' * 30}</blockquote>", subtype="html")
    if i % 5 == 0:
        made.add_attachment(bytes(20_000), maintype="image", subtype="png", filename="截图.png")
    return made.as_bytes()


def _timed(what: str, work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    per_s = N / (time.perf_counter() - began)
    show(f"{what:<64}{per_s:>10,.0f}/s")
    return per_s


def run() -> None:
    ground.open_house()
    from django.core.files import File
    from django.utils import timezone

    from jiying.base import due, files
    from jiying.base.models import Connection
    from jiying.channels.models import Mail
    from jiying.core import mail as core
    from jiying.desk.models import Ticket

    box = Connection.objects.create(kind="mailbox", code="bench", name="Bench", options={"address": "kf@example.com"})
    letters = [letter(i) for i in range(N)]
    now = timezone.now()
    rows = [
        Mail(
            connection=box,
            uid_validity=1,
            uid=i,
            sha256=files.write(File(BytesIO(raw))),
            size=len(raw),
            received_at=now,
            stored_at=now,
            wake_at=now,
        )
        for i, raw in enumerate(letters)
    ]
    Mail.objects.bulk_create(rows)
    show(f"\n{N} mails of {sum(map(len, letters)) / N / 1000:.0f} kB")
    bare = _timed("limit: bare parse", lambda: [core.parse(raw) for raw in letters])
    taken = _timed(
        "taken in: ticket with triage, routing, clocks, journal, files",
        lambda: due.run(due.SWEEPS["mail"], timezone.now(), limit=2 * N),
    )
    show(f"a mail taken in costs {bare / taken:.1f} bare parses")
    assert Ticket.objects.count() == N and not Mail.objects.exclude(state="taken").exists()


if __name__ == "__main__":
    ground.on_both("bench.mail", run)
