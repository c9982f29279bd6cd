"""Figures over long times from sketches: exact in counts and sums, near in percentiles, the same whatever was kept."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.utils import timezone

from jiying.core.metrics import KPIS, Tally
from jiying.core.metrics.sketches import ERROR
from jiying.core.periods import Period, between, parts
from jiying.desk import policies
from jiying.desk.models import AgentLoad, Ticket
from jiying.desk.policies import Scope
from jiying.desk.services import handling, routing, talking
from jiying.insight.queries import counting, dashboards, longterm, reports
from jiying.insight.queries.cards import Card
from jiying.insight.queries.counting import Cut
from jiying.warehouse import exporting, sketching, store
from tests.cast import NOW, Cast
from tests.insight.columnar import copied

HOUSE = Cut(Scope(None))
TODAY = timezone.localtime(NOW).date()
LONG = between(TODAY - timedelta(days=200), TODAY)
FEW = ("tickets_received", "attainment.first_response", "handling_time")
SKETCHED = [one.key for one in longterm.plan().measures]


def past(cast: Cast, days: int, solved: int) -> Ticket:
    """A ticket of so many days ago that Lin answered and solved after so many minutes."""
    begun, lin = NOW - timedelta(days=days), cast.actor(cast.lin)
    ticket = cast.ticket(subject=f"第{days}天", now=begun)
    if ticket.assignee_id != cast.lin.pk:
        routing.transfer(actor=cast.actor(cast.sup), number=ticket.number, to_person=cast.lin.pk, now=begun)
    handling.accept(actor=lin, number=ticket.number, now=begun + timedelta(minutes=1))
    talking.reply(actor=lin, number=ticket.number, body="您好", now=begun + timedelta(minutes=3 + days % 40))
    handling.resolve(actor=lin, number=ticket.number, now=begun + timedelta(minutes=solved))
    return ticket


@pytest.fixture
def months(cast: Cast) -> list[Ticket]:
    """Tickets of half a year, written as files of months, then one more and one that changes; probes and spam too."""
    AgentLoad.objects.update(capacity=50)
    tickets = [past(cast, days, 37 * days % 3000 + 60) for days in (170, 131, 130, 90, 60, 31, 30, 1, 0)]
    handling.cancel(actor=cast.actor(cast.sup), number=cast.ticket().number, reason="spam", now=NOW)
    cast.ticket(tags=["probe"])
    copied()
    exporting.rebuild()
    changed = tickets[3].number  # of a month whose sketch does not hold any more
    handling.reopen(actor=cast.actor(cast.sup), number=changed, reason="又坏了", now=NOW)
    cast.ticket(subject="新的")
    copied()
    return tickets


def files_of(table: str = "tickets") -> list[store.File]:
    manifest = store.read()
    assert manifest is not None
    return [file for held in manifest.tables[table].months.values() for file in held]


def rows(keys: list[str], stretches: list[Period], now: datetime) -> dict[str, list[Tally]]:
    """As statements over the rows count them."""
    found: dict[str, list[Tally]] = {key: [] for key in keys}
    for one in stretches:
        told = counting.tallies(keys, reports.window(one, now), HOUSE).get("", {})
        for key in keys:
            tally = told.get(key, Tally())
            found[key].append(Tally(tally.n, tally.n_hits, tally.n_misses, tally.total))
    return found


def near(key: str, now: datetime) -> None:
    """Median and 90th percentile of all days are those of the rows, nearly."""
    exact = counting.tallies([key], reports.window(LONG, now), HOUSE).get("", {}).get(key, Tally())
    for own, other in zip(longterm.spread(key, LONG, now), (exact.median, exact.p90), strict=True):
        assert (own is None) == (other is None)
        assert own is None or other is None or abs(own - other) <= ERROR * other


def test_every_kpi_counts_as_statements_over_rows_do(cast: Cast, months: list[Ticket]) -> None:
    """Also of the present week or day, up to the instant of the question, and of months that changed since."""
    manifest = store.read()
    assert manifest is not None
    changes = manifest.tables["tickets"].changes
    assert changes is not None and 0 < len(changes.hides) < len(manifest.tables["tickets"].months)
    lately = parts(between(TODAY - timedelta(days=4), TODAY), "day")
    n_cases = 0
    for now, stretches in ((NOW + timedelta(minutes=20), lately), (NOW + timedelta(days=2), parts(LONG, "week"))):
        exact = rows(SKETCHED, stretches, now)
        found = {key: longterm.series(key, stretches, now) for key in SKETCHED}
        assert found == exact
        n_cases += sum(one.n for told in found.values() for one in told)
    for key in SKETCHED:
        if KPIS[key].measure == "spread":
            near(key, now)
    assert n_cases > 100


def test_what_is_kept_makes_no_difference(cast: Cast, months: list[Ticket], monkeypatch: Any) -> None:
    """Sketches of changed files, made anew, of another form, none at all: the same figures."""

    def all_of_it() -> list[Any]:
        now = NOW + timedelta(hours=1)
        found = [longterm.series(key, parts(LONG, "week"), now) for key in FEW]
        spreads = [longterm.spread(key, LONG, now) for key in FEW if KPIS[key].value]
        return [found, spreads]

    followed = all_of_it()
    exporting.merge()
    assert all(file.sketch for file in files_of()) and all_of_it() == followed
    exporting.rebuild()
    assert all_of_it() == followed
    monkeypatch.setattr(sketching, "FORMAT", 2)
    assert not [file for file in files_of() if file.sketch.endswith(longterm.plan().form)]
    assert all_of_it() == followed
    cast.ticket(now=NOW + timedelta(hours=2))  # later than what is asked
    copied()
    assert all(file.sketch.endswith(longterm.plan().form) for file in files_of())
    assert all_of_it() == followed


def test_following_keeps_what_is_kept_by_a_copy_made_anew(cast: Cast, months: list[Ticket]) -> None:
    def packed() -> list[dict[str, list[Any]]]:
        found = []
        for file in sorted(files_of(), key=lambda file: file.path.split("/")[1]):
            with np.load(store.folder() / file.sketch) as told:
                found.append({name: told[name].tolist() for name in told.files})
        return found

    exporting.merge()
    followed = packed()
    exporting.rebuild()
    assert packed() == followed and len(followed) > 4


def test_a_sketch_goes_with_its_file_and_is_swept_with_it(cast: Cast, months: list[Ticket]) -> None:
    before = {file.path: file.sketch for file in files_of()}
    exporting.merge()
    after = {file.path: file.sketch for file in files_of()}
    assert 0 < len(before.keys() & after.keys()) < len(before)
    assert all(after[path] == before[path] for path in before.keys() & after.keys())
    gone = {before[path] for path in before.keys() - after.keys()}
    assert not gone & set(after.values())
    orphan = store.folder() / "tickets" / "2026-09" / "nobody.npz"
    orphan.write_bytes(b"half a sketch")
    manifest = store.read()
    assert manifest is not None
    store.sweep(manifest, grace_s=0)
    held = {str(path.relative_to(store.folder())) for path in store.folder().glob("tickets/*/*.npz")}
    assert held == set(after.values()) and not orphan.exists()
    assert not [file for file in files_of("clocks") if file.sketch]


def test_a_manifest_of_the_release_before_is_read_and_gets_sketches(cast: Cast) -> None:
    cast.ticket()
    copied()
    manifest = store.folder() / "manifest.json"
    text = manifest.read_text(encoding="utf-8")
    for file in files_of():
        text = text.replace(f', "sketch": "{file.sketch}"', "")
    manifest.write_text(text.replace(', "sketch": ""', ""), encoding="utf-8")
    assert not [file for file in files_of() if file.sketch]
    key, now = "tickets_received", NOW + timedelta(hours=1)
    assert longterm.series(key, parts(LONG, "week"), now) == rows([key], parts(LONG, "week"), now)[key]
    cast.ticket()
    copied()
    assert all(file.sketch for file in files_of())


# --- on the dashboard ------------------------------------------------------------------------------------------------


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The measures that were read from sketches."""
    found: list[str] = []
    real = sketching.by_day

    def by_day(table: str, key: str, span: sketching.Span) -> Any:
        found.append(key)
        return real(table, key, span)

    monkeypatch.setattr(sketching, "by_day", by_day)
    return found


def test_a_long_trend_is_the_one_of_rows(cast: Cast, months: list[Ticket], read: list[str], monkeypatch: Any) -> None:
    now = NOW + timedelta(days=1)
    asked = [Card(kpi=key, period="182d", step=("day", "week")[n % 2]) for n, key in enumerate(KPIS)]
    asked.append(Card(kind="correlation", kpi="tickets_received", other="csat", period="182d"))
    scope = policies.scope(cast.actor(cast.sup))
    found = [dashboards.data(scope, card, now) for card in asked]
    assert set(read) == set(SKETCHED)
    monkeypatch.setattr(longterm, "is_kept", lambda *about: False)
    assert [dashboards.data(scope, card, now) for card in asked] == found


def test_who_sees_one_team_or_asks_for_a_slice_never_gets_the_sketch_of_the_house(
    cast: Cast, months: list[Ticket], read: list[str]
) -> None:
    now = NOW + timedelta(days=1)
    for person, where in ((cast.wang, {}), (cast.sup, {"channel": "phone"}), (cast.sup, {"team": str(cast.team1.pk)})):
        scope = policies.scope(cast.actor(person))
        card = Card(kpi="handling_time", period="182d", where=where)
        dashboards.data(scope, card, now)
        told = dashboards.spread(scope, card, now)
        assert told is None or not told.is_near
    assert read == []


def test_the_page_says_what_is_near(cast: Cast, months: list[Ticket], monkeypatch: Any) -> None:
    now = NOW + timedelta(days=1)
    monkeypatch.setattr(timezone, "now", lambda: now)
    client = cast.client(cast.sup)
    for period in ("182d", "28d"):
        client.post("/dashboards/card/", {"kind": "trend", "kpi": "handling_time", "period": period})
    page = client.get("/dashboards/")
    found = {one["card"].period: one for one in page.context["cards"] if one["card"].kpi == "handling_time"}
    for period, is_near in (("182d", True), ("28d", False)):
        card, told = found[period]["card"], found[period]["spread"]
        window = reports.window(card.stretch(timezone.localtime(now).date()), now)
        exact = counting.tallies(["handling_time"], window, HOUSE)[""]["handling_time"]
        own = dashboards.spread(Scope(None), card, now)
        assert own is not None and exact.n > 1 and exact.median is not None and exact.p90 is not None
        assert own.is_near is is_near
        assert abs(own.median - exact.median) <= (ERROR * exact.median if is_near else 0)
        assert abs(own.p90 - exact.p90) <= (ERROR * exact.p90 if is_near else 0)
        assert told["median"].startswith("≈ ") is told["p90"].startswith("≈ ") is ("2%" in told["hint"]) is is_near
        assert told["median"] in page.content.decode()
    assert not [one for one in page.context["cards"] if KPIS[one["card"].kpi].measure != "spread" and one["spread"]]


def test_what_was_swept_away_meanwhile_is_asked_for_again(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    cast.ticket()
    copied()
    tries: list[str] = []
    real = sketching._by_day

    def once_gone(table: str, key: str, span: sketching.Span) -> Any:
        tries.append(key)
        if len(tries) == 1:
            raise FileNotFoundError
        return real(table, key, span)

    monkeypatch.setattr(sketching, "_by_day", once_gone)
    weeks = parts(LONG, "week")
    now = NOW + timedelta(hours=1)
    assert longterm.series("tickets_received", weeks, now) == rows(["tickets_received"], weeks, now)["tickets_received"]
    assert len(tries) == 2
