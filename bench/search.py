"""Search over a million ticket texts: `python -m bench.search`, on both databases, beside a plain LIKE.

Texts are two to five clauses of real reviews (JIYING_TEST_DATA/sentiment) or of the sample's words: words are as
common and as rare as people write them. JIYING_BENCH_TICKETS: another number.
"""

import csv
import os
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

from bench import ground
from bench.table import show

N = int(os.environ.get("JIYING_BENCH_TICKETS", 1_000_000))
BATCH = 5_000
DATA = Path(os.environ.get("JIYING_TEST_DATA", str(ground.ROOT.parent / "shared" / "data")))


def clauses() -> list[str]:
    """Clauses of 4 to 20 characters."""
    path = DATA / "sentiment" / "waimai_10k_zh.csv"
    if path.exists():
        with open(path, encoding="utf-8") as file:
            texts = [row["review"] for row in csv.DictReader(file)]
    else:
        from jiying.desk.services.sample import words as sample

        texts = [text for s in sample.SCENARIOS for text in (*s.subjects, *s.descriptions, *s.answers, *s.notes)]
    parts = {part for text in texts for part in re.split(r"[，。！？,.!?；;\s]+", text)}
    return sorted(part for part in parts if 4 <= len(part) <= 20)


def texts(n: int) -> Iterator[str]:
    dice, known = random.Random(7), clauses()  # noqa: S311 - a bench's dice
    for _ in range(n):
        yield "，".join(dice.choices(known, k=dice.randint(2, 5)))


def lay(n: int) -> Counter[str]:
    """n tickets with their texts in the index; returns how many hold each word."""
    from jiying.core import words
    from jiying.desk.models import SearchText, Ticket
    from jiying.desk.queries import search_text

    ground.tickets(n)
    first = Ticket.objects.order_by("pk").values_list("pk", flat=True)[0]
    counted: Counter[str] = Counter()
    begun = time.perf_counter()
    batch: list[SearchText] = []
    tickets = Ticket.objects.order_by("pk")
    for ticket, text in zip(tickets.iterator(BATCH), texts(n), strict=True):
        found = words.of_text(text)
        counted.update(found)
        marks = search_text.marks_of(ticket)
        stored = "s" + text[:40] + search_text.PART + "d" + text
        row = SearchText(ticket_id=ticket.pk, tail=search_text.tail_of(ticket.number), text=stored)
        row.words = " ".join([*found, *marks])
        batch.append(row)
        if len(batch) == BATCH:
            SearchText.objects.bulk_create(batch)
            batch = []
    SearchText.objects.bulk_create(batch)
    taken = time.perf_counter() - begun
    show(f"indexed {n:,} texts from ticket {first} on in {taken:.0f} s: {n / taken:,.0f} a second")
    ground.analyze()
    return counted


def questions(counted: Counter[str], n: int) -> dict[str, list[str]]:
    """One-word questions from the commonest to rare ones, and two-word ones."""
    from jiying.core import words

    single = [w for w, _count in counted.most_common() if len(w) > 1 and words.of_query(w).needed == (w,)]
    dice = random.Random(11)  # noqa: S311
    usual = single[: max(1, len(single) // 4)]
    return {
        "one word, the 10 commonest": single[:10],
        "one word, any": dice.sample(single, min(50, len(single))),
        "two words": [f"{a} {b}" for a, b in zip(dice.choices(usual, k=40), dice.choices(usual, k=40), strict=True)],
        "two of the 30 commonest": [" ".join(dice.sample(single[:30], 2)) for _ in range(20)],
        "a word that is nowhere": ["魑魅魍魉", "量子纠缠"],
        "end of a number": [str(dice.randrange(n))[-5:].zfill(5) for _ in range(10)],
    }


def _timed(run: Callable[[str], int], asked: list[str]) -> tuple[list[float], int]:
    """Milliseconds of each question, the least of three, and the hits of all."""
    taken, hits = [], 0
    for one in asked:
        times = []
        for _try in range(3):
            begun = time.perf_counter()
            n = run(one)
            times.append(time.perf_counter() - begun)
        taken.append(1000 * min(times))
        hits += n
    return sorted(taken), hits


def measure(who: str, username: str, asked: dict[str, list[str]], **narrowed: str) -> None:
    from jiying.base.actor import of_person
    from jiying.base.models import Person
    from jiying.desk.queries import search
    from jiying.desk.queries.filters import read

    now = ground.BASE + timedelta(hours=1)
    everything: list[float] = []
    for what, some in asked.items():

        def run(text: str) -> int:
            actor = of_person(Person.objects.get(username=username))
            return search.search(actor, read({"view": "all", "q": text, **narrowed}), now).n_found

        taken, hits = _timed(run, some)
        everything += taken
        show(f"{who:<12} {what:<28} {_percentiles(taken)}   {hits / len(some):>6.0f} hits ranked")
    show(f"{who:<12} {'all of them':<28} {_percentiles(sorted(everything))}")


def _percentiles(taken: list[float]) -> str:
    return f"p50 {taken[len(taken) // 2]:>7.1f} ms   p95 {taken[int(len(taken) * 0.95)]:>7.1f} ms"


def plain_like(asked: list[str]) -> None:
    """What a desk without an index does: the latest 20 whose text holds the words."""
    from jiying.desk.models import SearchText

    def run(text: str) -> int:
        rows = SearchText.objects.all()
        for word in text.split():
            rows = rows.filter(text__contains=word)
        return len(rows.order_by("-pk").values_list("pk", flat=True)[:20])

    taken, _hits = _timed(run, asked[:10])
    show(f"{'plain LIKE':<12} {'one word, any':<28} {_percentiles(taken)}")


def run() -> None:
    ground.open_house()
    from jiying.base.models import Person, Role, Team

    boss = Person.objects.create(username="boss", name="主管", password="!", team=Team.objects.get())  # noqa: S106
    boss.roles.add(Role.objects.get(code="supervisor"))
    counted = lay(N)
    asked = questions(counted, N)
    commonest = counted[asked["one word, the 10 commonest"][0]]
    show(f"{len(counted):,} words; the commonest is in {commonest:,} texts ({commonest / N:.0%})\n")
    measure("supervisor", "boss", asked)
    measure("agent", "agent7", asked)
    measure("P1 only", "boss", asked, priority="P1")
    measure("late only", "boss", asked, late="1")
    plain_like(asked["one word, any"])
    show("limit: p95 50 ms; tantivy 0.27 (findings): p50 0.03, p95 0.1 ms at 300,000 texts, without rights or rows")


if __name__ == "__main__":
    ground.on_both("bench.search", run)
