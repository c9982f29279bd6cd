"""One promise changed in a standard set: which rows it touches."""

from jiying.core.standards import SHIPPED, Facts, parse
from jiying.core.standards.what_if import Cell, with_cell


def minutes(doc, *facts):
    target = parse(doc).row_for(Facts(*facts)).targets["first_response"]
    return target.amount * {"min": 1, "h": 60}.get(target.unit, 0)


def test_a_cell_changes_its_tickets_and_no_others():
    before = {(c, p): minutes(SHIPPED, c, p) for c in ("web", "chat") for p in ("P1", "P2", "P3")}
    changed = with_cell(SHIPPED, Cell("web", "P2", "first_response", 91))
    for (channel, priority), was in before.items():
        assert minutes(changed, channel, priority) == (91 if (channel, priority) == ("web", "P2") else was)


def test_all_channels_of_a_priority():
    changed = with_cell(SHIPPED, Cell(None, "P2", "first_response", 91))
    assert {minutes(changed, c, "P2") for c in ("web", "chat", "phone", "email")} == {91}
    assert minutes(changed, "web", "P1") == minutes(SHIPPED, "web", "P1")


def test_the_document_given_stays_as_it_was():
    told = repr(SHIPPED)
    with_cell(SHIPPED, Cell("web", "P2", "resolution", 5))
    assert repr(SHIPPED) == told


def test_a_channel_alone_is_each_of_its_priorities():
    changed = with_cell(SHIPPED, Cell("web", None, "first_response", 91))
    assert [minutes(changed, "web", p) for p in ("P1", "P2", "P3", "P4")] == [91] * 4
    assert minutes(changed, "chat", "P3") == minutes(SHIPPED, "chat", "P3")
