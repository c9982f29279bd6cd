"""What a report counts from arrays is what single statements count: all KPIs, slices, periods, scopes."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from jiying.clocks.models import Clock
from jiying.core import kernels
from jiying.core.metrics import EXCLUDED, KPIS, Tally
from jiying.core.metrics.library import OF_CALLS
from jiying.core.periods import of
from jiying.desk.models import Ticket
from jiying.desk.policies import Scope
from jiying.desk.queries import copying
from jiying.desk.services import handling
from jiying.insight.queries import counting, gathering, reports
from jiying.insight.queries.counting import SLICES, Cut, Window
from jiying.warehouse import exporting, reader
from jiying.warehouse.asking import Source
from tests.cast import NOW, Cast
from tests.insight.columnar import copied
from tests.insight.test_reports import centre

__all__ = ["centre"]
MONTH = of("month", NOW.date())
WINDOWS = [
    Window(NOW - timedelta(days=1), NOW + timedelta(days=1)),
    Window(NOW, NOW + timedelta(minutes=8)),
]


def test_no_kpi_counts_what_is_left_out() -> None:
    for kpi in KPIS.values():
        assert kpi.exclusions == (OF_CALLS if kpi.source == "calls" else tuple(EXCLUDED))


@pytest.mark.parametrize(
    ("where", "own_team"), [((), False), ((), True), ((("channel", "phone"),), False), ((("category", "none"),), True)]
)
def test_arrays_count_what_statements_count(
    cast: Cast, centre: list[Ticket], where: tuple[tuple[str, str], ...], own_team: bool
) -> None:
    cut = Cut(Scope(cast.team1.pk if own_team else None), where)
    rows = gathering.rows(tuple(KPIS), WINDOWS, cut, dict.fromkeys(SLICES, tuple(KPIS)))
    n_cases = 0
    for at, window in enumerate(WINDOWS):
        for by in ("", *SLICES):
            found, plain = rows.tallies(tuple(KPIS), at, by), counting.tallies(KPIS, window, cut, by)
            listed = plain if by else {"": plain.get("", {})}  # the whole is there with nothing in it, too
            assert found == {value: {key: row.get(key, Tally()) for key in KPIS} for value, row in listed.items()}
            assert rows.tallies(tuple(KPIS), at, by, spreads=False) == _bare(found)
            assert counting.tallies(KPIS, window, cut, by, spreads=False) == _bare(plain)
            n_cases += sum(tally.n for row in found.values() for tally in row.values())
            if by:
                told = rows.distribution("handling_time", reports.EDGES, at, by)
                assert told == counting.distribution("handling_time", reports.EDGES, window, cut, by)
    assert n_cases > 20 or where


def test_threads_count_the_same(cast: Cast, centre: list[Ticket], monkeypatch: pytest.MonkeyPatch) -> None:
    def counted() -> list[Any]:
        gathering._kept.clear()
        rows = gathering.rows(tuple(KPIS), WINDOWS, Cut(Scope(None)), {"channel": tuple(KPIS)})
        return [rows.tallies(tuple(KPIS), at, by) for at in (0, 1) for by in ("", "channel")]

    alone = counted()
    monkeypatch.setattr(kernels, "n_threads", lambda _n: 3)
    assert counted() == alone


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was read of the copy: the sources, in order."""
    sources: list[str] = []
    real = gathering._read

    def noted(copy: Source, wanted: Any) -> gathering.Part:
        sources.append(wanted.source)
        return real(copy, wanted)

    monkeypatch.setattr(gathering, "_read", noted)
    gathering._kept.clear()
    return sources


def _received(window: Window, by: str = "", kpi: str = "tickets_received") -> dict[str, int]:
    found = gathering.rows((kpi,), [window], Cut(Scope(None)), {"channel": (kpi,)}).tallies((kpi,), 0, by)
    return {label: row[kpi].n for label, row in found.items()}


def test_what_is_over_is_read_once_as_long_as_its_files_are_the_same(
    cast: Cast, centre: list[Ticket], read: list[str]
) -> None:
    day = Window(NOW - timedelta(days=1), NOW + timedelta(days=1))
    first = _received(day)
    assert _received(day) == first and read == ["tickets"]
    cast.ticket()
    copied()
    assert _received(day) == {"": first[""] + 1} and read == ["tickets"] * 2
    solved = _received(day, kpi="tickets_solved")
    handling.reopen(actor=cast.actor(cast.lin), number=centre[1].number, reason="again", now=NOW + timedelta(hours=3))
    copied()
    assert _received(day, kpi="tickets_solved") == {"": solved[""] - 1} and len(read) == 4
    scoped = gathering.rows(("tickets_received",), [day], Cut(Scope(cast.team2.pk)), {})
    assert scoped.tallies(("tickets_received",), 0)[""]["tickets_received"].n < first[""] and len(read) == 5


@pytest.mark.parametrize(("most", "n_reads"), [(gathering.BYTES_KEPT, 1), (0, 2)])
def test_of_what_is_kept_more_may_be_asked(
    cast: Cast, centre: list[Ticket], read: list[str], monkeypatch: Any, most: int, n_reads: int
) -> None:
    """Of its rows, or where they were let go, and their files may have been swept away, of the newest."""
    monkeypatch.setattr(gathering, "BYTES_KEPT", most)
    day = Window(NOW - timedelta(days=1), NOW + timedelta(days=1))
    whole = _received(day)
    rows = gathering.rows(("tickets_received",), [day], Cut(Scope(None)), {"channel": ("tickets_received",)})
    assert read == ["tickets"]
    exporting.rebuild()
    found = rows.tallies(("tickets_received",), 0, "channel")
    assert sum(row["tickets_received"].n for row in found.values()) == whole[""] > 1
    assert rows.tallies(("tickets_received",), 0)[""]["tickets_received"].n == whole[""]
    assert read == ["tickets"] * n_reads


def test_of_a_period_that_is_not_over_nothing_is_kept(cast: Cast, centre: list[Ticket], read: list[str]) -> None:
    """Nor of the one before, of which as much is counted."""
    present = Window(NOW - timedelta(days=1), timezone.now())
    assert _received(present) == _received(present) and read == ["tickets"] * 2
    earlier = Window(NOW - timedelta(days=8), NOW + timedelta(days=1))
    gathering.rows(("tickets_received",), [present, earlier], Cut(Scope(None)), {})
    assert len(read) == 4 and not gathering._kept


def test_no_more_is_kept_than_is_allowed(cast: Cast, centre: list[Ticket], read: list[str], monkeypatch: Any) -> None:
    monkeypatch.setattr(gathering, "MOST_KEPT", 3)
    days = [Window(NOW - timedelta(days=n), NOW + timedelta(days=1)) for n in (1, 2, 3)]
    told = [_received(day, "channel") for day in days]
    assert len(told[0]) == 2 and len(gathering._kept) == 2  # of two channels: what is newest always stays
    assert _received(days[2], "channel") == told[2] and len(read) == 3
    assert _received(days[0], "channel") == told[0] and len(read) == 4


def _bare(found: dict[str, dict[str, Tally]]) -> dict[str, dict[str, Tally]]:
    return {
        value: {key: replace(tally, median=None, p90=None) for key, tally in row.items()}
        for value, row in found.items()
    }


def test_words_that_were_not_known_are_found(cast: Cast, centre: list[Ticket], monkeypatch: Any) -> None:
    monkeypatch.setattr(gathering, "_words", {"channel": ("", "it's", "web")})
    rows = gathering.rows(("tickets_received",), WINDOWS, Cut(Scope(None)), {"channel": ("tickets_received",)})
    found = rows.tallies(("tickets_received",), 0, "channel")
    assert found == counting.tallies(("tickets_received",), WINDOWS[0], Cut(Scope(None)), "channel")
    assert len(found) > 1 and set(found) <= set(gathering._words["channel"])


def test_words_that_another_thread_has_learnt_meanwhile_are_found(
    cast: Cast, centre: list[Ticket], monkeypatch: Any
) -> None:
    learn = gathering._learn
    monkeypatch.setattr(gathering, "_words", {})
    monkeypatch.setattr(gathering, "_learn", lambda *asked: (learn(*asked), learn(*asked))[1])
    rows = gathering.rows(("tickets_received",), WINDOWS, Cut(Scope(None)), {"channel": ("tickets_received",)})
    found = rows.tallies(("tickets_received",), 0, "channel")
    assert found == counting.tallies(("tickets_received",), WINDOWS[0], Cut(Scope(None)), "channel")


def test_no_child_is_hurt_by_what_was_read(cast: Cast, centre: list[Ticket]) -> None:
    """Fork takes down what other threads keep to themselves."""
    gathering.rows(tuple(KPIS), WINDOWS, Cut(Scope(None)), {"channel": tuple(KPIS)})
    child = subprocess.run([sys.executable, "-c", ""], preexec_fn=lambda: None, check=False)  # noqa: PLW1509
    assert child.returncode == 0


def test_clocks_say_of_their_ticket_what_it_says(cast: Cast, centre: list[Ticket]) -> None:
    """Figures of clocks are counted without their tickets."""
    listed = [name for name, _kind in copying._OF_TICKET]
    of_clock, of_ticket = (", ".join(f"{one}.{name}" for name in listed) for one in "ct")
    joined = "FROM clocks AS c JOIN tickets AS t ON c.subject_kind = 'ticket' AND c.subject_id = t.id"
    told = reader.query(f"SELECT [{_texts(of_clock)}], [{_texts(of_ticket)}] {joined}")
    assert len(told) > 5 and all(own == ticket for own, ticket in told)
    assert {row[0][listed.index("cause")] for row in told} > {""}
    assert {row[0][listed.index("is_counted")] for row in told} == {"true", "false"}


def _texts(columns: str) -> str:
    return ", ".join(f"{column}::VARCHAR" for column in columns.split(", "))


def test_a_report_of_very_many_is_the_same(cast: Cast, centre: list[Ticket], monkeypatch: Any) -> None:
    wanted = reports.Wanted(MONTH)
    few = reports.report(Scope(None), wanted, NOW + timedelta(hours=1))
    monkeypatch.setattr(gathering, "MOST", 0)
    assert reports.report(Scope(None), wanted, NOW + timedelta(hours=1)) == few
    assert few.whole[0].n > 0


def test_files_of_what_was_over_are_left_out(cast: Cast, centre: list[Ticket]) -> None:
    """Of a month all of whose tickets had ended before: not while one of them is open, and figures stay the same."""
    ended, still_open = centre[0], centre[3]
    for ticket, days in ((ended, 60), (still_open, 120)):
        for row in (*Ticket.objects.filter(pk=ticket.pk), *Clock.objects.filter(subject_id=ticket.pk)):
            for field in row._meta.concrete_fields:
                if field.get_internal_type() == "DateTimeField" and getattr(row, field.name):
                    setattr(row, field.name, getattr(row, field.name) - timedelta(days=days))
            row.save()
    exporting.rebuild()
    for since, left_out in ((NOW - timedelta(days=30), ["2026-07"]), (NOW - timedelta(days=70), [])):
        window = Window(since, NOW + timedelta(days=1))
        whole, alive = (dict(reader.source(alive=by).views)["tickets"] for by in ({}, {"tickets": since}))
        months = sorted({part.split("/")[0] for part in whole.split("/tickets/")[1:]})
        assert [month for month in months if f"/tickets/{month}/" not in alive] == left_out
        for part in (Cut(Scope(None)), Cut(Scope(cast.team1.pk))):
            found = gathering.rows(tuple(KPIS), [window], part, {"channel": tuple(KPIS)}).tallies(
                tuple(KPIS), 0, "channel"
            )
            plain = counting.tallies(KPIS, window, part, "channel")
            assert found == {value: {key: row.get(key, Tally()) for key in KPIS} for value, row in plain.items()}
