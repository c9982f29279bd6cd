"""Alerts are settled by verbs and noted by people at the same time: nobody waits in a ring, nothing is noted twice."""

from functools import partial

from jiying.alerts.models import Alert
from jiying.alerts.services import reading
from jiying.base.models import JournalEntry
from jiying.base.transactions import run
from tests.cast import Cast
from tests.desk.stage import at_once


def told(cast: Cast, n: int, n_subjects: int) -> list[int]:
    """So many alerts for Lin; in turn about each of the subjects."""
    same = {"person": cast.lin, "capacity": "assignee", "kind": "clock.due", "severity": "breach"}
    same |= {"subject_kind": "ticket", "at": cast.now, "noticed_at": cast.now}
    rows = [Alert(key=f"k{i}", subject_id=i % n_subjects, data={"clock": i}, **same) for i in range(n)]
    return [row.pk for row in Alert.objects.bulk_create(rows)]


def settle(cast: Cast, subject: int) -> None:
    """As a verb does: first one clock's alert, the latest of them, then all of the subject."""
    reading.withdraw("ticket", [subject], cast.now, {"clock": [57 + subject]})
    reading.withdraw("ticket", [subject], cast.now)


def test_noting_all_and_settling_cross_without_a_deadlock(live_cast: Cast) -> None:
    actor = live_cast.actor(live_cast.lin)
    for _round in range(6):
        Alert.objects.all().delete()
        last = max(told(live_cast, 60, 3))
        note_all = partial(reading.acknowledge_all, actor=actor, up_to=last, now=live_cast.now)
        results = at_once([*(partial(run, partial(settle, live_cast, s)) for s in range(3)), note_all, note_all])
        assert [r for r in results if isinstance(r, Exception)] == []
        states = list(Alert.objects.values_list("state", flat=True))
        assert set(states) <= {"acknowledged", "withdrawn"}
        noted = JournalEntry.objects.filter(kind="alert.acknowledged", data__alert__gte=last - 59)
        alerts = [entry.data["alert"] for entry in noted]
        assert len(alerts) == len(set(alerts)) == sum(results[3:]) == states.count("acknowledged")
