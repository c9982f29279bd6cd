"""Every text of the program has a natural Chinese form with the same placeholders (Z10)."""

from tools import catalogue


def test_the_catalogue_is_complete() -> None:
    assert catalogue.problems() == []


def test_nothing_in_the_catalogue_is_obsolete() -> None:
    today = {(m.id, m.context) for m in catalogue.texts() if m.id}
    assert {(m.id, m.context) for m in catalogue.stored() if m.id} <= today
