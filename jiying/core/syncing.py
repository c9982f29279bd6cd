"""One record kept in two places: each field has an owner, whose value holds; what the owner lacks, the other fills in.

Pure. Values are texts; an empty one is unknown, never "delete it".
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """What makes both equal: `take` comes to us, `give` goes to them.

    `overruled` are the fields in which both said something, and differed: the owner's word stood.
    """

    take: Mapping[str, str]
    give: Mapping[str, str]
    overruled: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        return not self.take and not self.give


def plan(ours: Mapping[str, str], theirs: Mapping[str, str], owned: Collection[str], fields: Iterable[str]) -> Plan:
    """How `fields` become equal; those in `owned` are theirs to say, all others ours. What they do not have at all
    is left."""
    take: dict[str, str] = {}
    give: dict[str, str] = {}
    overruled = []
    for name in fields:
        if name not in theirs or ours.get(name, "") == theirs[name]:
            continue
        mine, other = ours.get(name, ""), theirs[name]
        if mine and other:
            overruled.append(name)
        if (name in owned and other) or not mine:
            take[name] = other
        else:
            give[name] = mine
    return Plan(take, give, tuple(overruled))
