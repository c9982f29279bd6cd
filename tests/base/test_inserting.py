"""Rows inserted by prepared SQL are the rows that Django would have inserted."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
from django.forms.models import model_to_dict

from jiying.base import loading
from jiying.base.inserting import MANY, insert
from jiying.clocks.models import Clock
from jiying.desk.models import Customer, Message
from tests.cast import NOW, Cast


def clock(n: int) -> Clock:
    bound = {"calendar": "24x7", "calendar_version": 1, "standard_version": 1, "row": "超时 'x'"}
    ran = {"state": "running", "started_at": NOW, "due_at": NOW + timedelta(hours=n)}
    told = {"points": [["due", n]], "fired": {"a": n}}
    return Clock(subject_kind="x", subject_id=n, metric="accept", **bound, **ran, **told)


@pytest.mark.django_db
@pytest.mark.parametrize("store", [insert, loading.insert])
@pytest.mark.parametrize("n", [1, 7, MANY + 1, 1500])
def test_the_rows_come_back_as_they_were_given(n: int, store: Callable[[Sequence[Clock]], None]) -> None:
    rows = [clock(i) for i in range(n)]
    store(rows)
    assert [r.subject_id for r in Clock.objects.order_by("pk")] == list(range(n))
    for row in (rows[0], rows[-1]):
        stored = Clock.objects.get(pk=row.pk)
        assert model_to_dict(stored) == model_to_dict(row)
        assert not row._state.adding


@pytest.mark.django_db
def test_null_and_defaults_are_kept() -> None:
    row = Customer(name="张三", created_at=NOW)
    insert([row])
    stored = Customer.objects.get(pk=row.pk)
    assert (stored.ref, stored.tags, stored.tier) == (None, [], "standard")


def test_a_column_with_a_default_of_the_database_takes_it(cast: Cast) -> None:
    ticket = cast.ticket()
    row = Message(ticket=ticket, kind="note", body="x", at=cast.now)
    insert([row])
    assert (row.html, Message.objects.get(pk=row.pk).html) == ("", "")
