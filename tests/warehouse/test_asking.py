"""What a process keeps of what it asked the columnar copy."""

from datetime import timedelta

import numpy as np
import pytest

from jiying.desk.models import Ticket
from jiying.warehouse import asking, reader
from tests.cast import Cast
from tests.insight.columnar import copied

SQL = "SELECT id, channel = 'phone' AS is_call FROM tickets WHERE received_at < ? ORDER BY id"
OTHER = "SELECT id, ?::INTEGER AS n FROM tickets"


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    asking._kept.clear()


def _ask(cast: Cast) -> dict[str, "np.ndarray[tuple[int], np.dtype[np.int64]]"]:
    return reader.source(None, cast.now).columns_kept(SQL, [cast.now + timedelta(days=1)])


def test_the_same_files_are_read_once(cast: Cast) -> None:
    cast.ticket()
    copied()
    first = _ask(cast)
    assert first["id"].tolist() == list(Ticket.objects.order_by("pk").values_list("pk", flat=True))
    assert _ask(cast) is first
    with pytest.raises(ValueError, match="read-only"):
        first["id"][0] = 0


def test_what_has_changed_is_read_again(cast: Cast) -> None:
    cast.ticket()
    copied()
    first = _ask(cast)
    cast.ticket()
    copied()
    assert len(_ask(cast)["id"]) == len(first["id"]) + 1


def test_other_values_are_another_question(cast: Cast) -> None:
    cast.ticket()
    copied()
    assert len(_ask(cast)["id"]) == 1
    assert len(reader.source(None, cast.now).columns_kept(SQL, [cast.now - timedelta(days=1)])["id"]) == 0


def test_no_more_is_kept_than_is_allowed(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "KEPT_BYTES", 20)
    cast.ticket()
    copied()
    source = reader.source()
    first, second = (source.columns_kept(OTHER, [n]) for n in (1, 2))
    assert sum(column.nbytes for column in second.values()) == 12
    assert [one["n"].tolist() for one in asking._kept.values()] == [[2]]
    assert source.columns_kept(OTHER, [1]) is not first
