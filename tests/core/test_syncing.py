"""Two places of one record become equal by the owner's word, whatever they said before."""

from hypothesis import given
from hypothesis import strategies as st

from jiying.core.syncing import plan

FIELDS = ("name", "phone", "tier")
VALUES = st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(["", "a", "b"]))


def test_the_owner_holds_and_gaps_are_filled() -> None:
    ours = {"name": "张三", "phone": "139", "tier": "standard"}
    theirs = {"name": "张三丰", "phone": "138", "tier": ""}
    found = plan(ours, theirs, {"name", "tier"}, FIELDS)
    assert found.take == {"name": "张三丰"}  # theirs to say
    assert found.give == {"phone": "139", "tier": "standard"}  # ours to say; and what they own but lack
    assert found.overruled == ("name", "phone")


@given(VALUES, VALUES, st.sets(st.sampled_from(FIELDS)))
def test_afterwards_both_are_equal_and_nothing_known_was_lost(
    ours: dict[str, str], theirs: dict[str, str], owned: set[str]
) -> None:
    found = plan(ours, theirs, owned, FIELDS)
    assert set(found.take).isdisjoint(found.give)
    here, there = {**ours, **found.take}, {**theirs, **found.give}
    for name in FIELDS:
        if name not in theirs:
            assert here.get(name, "") == ours.get(name, "")
            continue
        assert here.get(name, "") == there[name]
        said = {value for value in (ours.get(name, ""), theirs[name]) if value}
        assert (not said and not here.get(name, "")) or here[name] in said
        owner = theirs[name] if name in owned else ours.get(name, "")
        assert not owner or here[name] == owner
    assert plan(here, there, owned, FIELDS).is_empty
