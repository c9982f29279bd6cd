"""How many tickets an agent may have on each channel, set by whoever edits people (D27)."""

from collections.abc import Mapping
from datetime import datetime

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Fault, Invalid, NotFound
from jiying.base.models import Person
from jiying.base.personnel import RIGHT
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.core.standards import CHANNELS
from jiying.desk.models import AgentLoad
from jiying.desk.queries.capacity import MOST
from jiying.desk.services import loads


@short
def set_capacity(*, actor: Actor, person_id: int, capacity: Mapping[str, int], now: datetime) -> None:
    """Places by channel; 0 takes the channel away. A channel not named stays. More places call the router."""
    person = Person.objects.select_for_update(no_key=True).filter(pk=person_id).first()
    if person is None:
        raise NotFound("person", person_id)
    require(actor, RIGHT)
    faults = [Fault(f"capacity.{c}", "not_found", {"kind": "channel", "key": c}) for c in capacity if c not in CHANNELS]
    low_high = {"low": 0, "high": MOST}
    faults += [Fault(f"capacity.{c}", "out_of_range", low_high) for c, n in capacity.items() if not 0 <= n <= MOST]
    if faults:
        raise Invalid(*faults)
    before = dict(AgentLoad.objects.filter(person=person).values_list("channel", "capacity"))
    changed = {c: [before.get(c, 0), n] for c, n in capacity.items() if before.get(c, 0) != n}
    for channel, (_old, places) in changed.items():
        _put(person, channel, places, now)
    if changed:
        fact = journal.Fact("person", person_id, "person.capacity", now, {"changes": changed})
        journal.record(actor, [fact], now=now)
        loads.call(person_id, now)


def _put(person: Person, channel: str, places: int, now: datetime) -> None:
    """`n_open` is never touched here: a place taken meanwhile stays taken."""
    row, created = AgentLoad.objects.get_or_create(
        person=person, channel=channel, defaults={"capacity": places, "idle_since": now}
    )
    if not created:
        AgentLoad.objects.filter(pk=row.pk).update(capacity=places)
