"""Which messages besides mail fresh alerts cause: texts to people, and one digest for each robot that is concerned.

Called by `raising` in its transaction: rows only. A robot hears of a fact once, however many people heard of it.
"""

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from jiying.alerts.models import Alert, Delivery
from jiying.alerts.services import leaving
from jiying.alerts.services.ways import WAYS
from jiying.alerts.services.ways.kinds import ROBOT_KINDS, SMS
from jiying.base.models import Connection, Person
from jiying.core import alerting

if TYPE_CHECKING:
    from jiying.alerts.services.raising import Notice

Fact = tuple[str, str, int, datetime]


def spread(notices: "Sequence[Notice]", now: datetime) -> None:
    """One delivery for each person's texts and each robot's digest, cut to what one message can carry."""
    asked = [n for n in notices if n.ways and not {"sms", "group"}.isdisjoint(n.ways)]
    if not asked:
        return
    lines = list(Connection.objects.filter(kind__in=(SMS, *ROBOT_KINDS), active=True).order_by("name", "pk"))
    if not lines:
        return
    ids = dict(Alert.objects.filter(key__in=[n.key for n in asked]).values_list("key", "pk"))
    asked = [n for n in asked if n.key in ids]
    made = [*_texts(asked, lines, now), *_digests(asked, lines, now)]
    rows = Delivery.objects.bulk_create([row for row, _of in made])
    carried = Delivery.carried.through
    carried.objects.bulk_create(
        [carried(delivery_id=row.pk, alert_id=ids[n.key]) for row, (_r, of) in zip(rows, made, strict=True) for n in of]
    )


def _texts(
    asked: "Sequence[Notice]", lines: Sequence[Connection], now: datetime
) -> "Iterator[tuple[Delivery, list[Notice]]]":
    """To the numbers of people, by the first gateway."""
    gateway = next((one for one in lines if one.kind == SMS), None)
    wanted = {n.person_id for n in asked if "sms" in (n.ways or ())}
    if gateway is None or not wanted:
        return
    people = Person.objects.filter(pk__in=wanted, is_active=True).exclude(phone="")
    for pk, phone, zone, *wish in people.values_list("pk", "phone", "time_zone", *leaving.WISH_FIELDS):
        of = [n for n in asked if n.person_id == pk and "sms" in (n.ways or ())]
        leaves = leaving.at([(n.severity, n.late) for n in of], zone, leaving.wish(*wish), now)
        for part in _parts(of, WAYS[SMS].n_items):
            yield _row(now, leaves, way="sms", person_id=pk, connection=gateway, target=phone), part


def _digests(
    asked: "Sequence[Notice]", lines: Sequence[Connection], now: datetime
) -> "Iterator[tuple[Delivery, list[Notice]]]":
    """To the robots of the teams of those who are told, and to those of the whole house."""
    wanted = [n for n in asked if "group" in (n.ways or ())]
    robots = [one for one in lines if one.kind in ROBOT_KINDS]
    if not wanted or not robots:
        return
    teams = dict(Person.objects.filter(pk__in={n.person_id for n in wanted}).values_list("pk", "team__code"))
    for robot in robots:
        team = robot.options.get("team", "")
        of = [n for n in wanted if not team or teams.get(n.person_id) == team]
        if not of:
            continue
        leaves = leaving.at([(n.severity, n.late) for n in of], "", alerting.Wish(), now)
        for part in _parts(sorted(of, key=_fact), WAYS[robot.kind].n_items):
            yield _row(now, leaves, way="group", connection=robot, target=robot.name), part


def _row(now: datetime, leaves: datetime, **about: object) -> Delivery:
    return Delivery(key=secrets.token_hex(16), created_at=now, wake_at=leaves, **about)


def _fact(n: "Notice") -> Fact:
    return n.kind, n.subject_kind, n.subject_id, n.at


def _parts(notices: "Sequence[Notice]", n_items: int) -> "Iterator[list[Notice]]":
    """At most so many facts in each; what several people were told of the same one stays together."""
    part: list[Notice] = []
    facts: set[Fact] = set()
    for n in notices:
        if len(facts) == n_items and _fact(n) not in facts:
            yield part
            part, facts = [], set()
        part.append(n)
        facts.add(_fact(n))
    if part:
        yield part
