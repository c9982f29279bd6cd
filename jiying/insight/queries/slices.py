"""Whether the values of a filter can be asked for."""

from collections.abc import Mapping

from jiying.base.errors import Fault
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.insight.queries.counting import NONE, is_numbered

_KNOWN = {"channel": CHANNELS, "priority": PRIORITIES}


def faults(where: Mapping[str, str]) -> list[Fault]:
    """What is wrong with {slice: value}."""
    found = (_fault(name, value) for name, value in where.items())
    return [fault for fault in found if fault]


def _fault(name: str, value: str) -> Fault | None:
    known = _KNOWN.get(name)
    if known is not None and value not in known:
        return Fault(name, "unknown_value", {"value": value[:40], "known": ", ".join(known)})
    if is_numbered(name) and value != NONE and not (value.isascii() and value.isdigit() and len(value) < 19):
        return Fault(name, "not_a_number", {"value": value[:40]})
    if len(value) > 120 or "\x00" in value:
        return Fault(name, "too_long", {"limit": 120, "length": len(value)})
    return None
