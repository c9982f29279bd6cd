"""Who is on call (C18), and what people wish for their own messages."""

from datetime import datetime, timedelta

from jiying.alerts.models import OnCall, Wish
from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Denied, Fault, Invalid, NotFound
from jiying.base.models import Person, Team
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.core import alerting

RIGHT = "alerts.on_call"
LONGEST = timedelta(days=31)
MAX_DIGEST_MIN = 240


@short
def add(
    *, actor: Actor, person_id: int, team_id: int | None, starts_at: datetime, ends_at: datetime, now: datetime
) -> OnCall:
    """Put a person on call. Who sees only their own team arranges it for their own team only."""
    _require_team(actor, team_id)
    faults = []
    if not timedelta(0) < ends_at - starts_at <= LONGEST:
        faults.append(Fault("ends_at", "on_call_length", {"days": LONGEST.days}))
    if ends_at <= now:
        faults.append(Fault("ends_at", "on_call_past"))
    if not Person.objects.filter(pk=person_id, is_active=True).exists():
        faults.append(Fault("person", "not_found", {"kind": "person", "key": person_id}))
    if team_id is not None and not Team.objects.filter(pk=team_id).exists():
        faults.append(Fault("team", "not_found", {"kind": "team", "key": team_id}))
    if faults:
        raise Invalid(*faults)
    row = OnCall.objects.create(person_id=person_id, team_id=team_id, starts_at=starts_at, ends_at=ends_at)
    _note(actor, row, "added", now)
    return row


@short
def remove(*, actor: Actor, on_call_id: int, now: datetime) -> None:
    row = OnCall.objects.select_for_update().filter(pk=on_call_id).first()
    if row is None:
        raise NotFound("on_call", on_call_id)
    _require_team(actor, row.team_id)
    _note(actor, row, "removed", now)
    row.delete()


def _require_team(actor: Actor, team_id: int | None) -> None:
    require(actor, RIGHT)
    if "desk.view_all" not in actor.rights and (team_id is None or team_id != actor.team_id):
        raise Denied(RIGHT)


def _note(actor: Actor, row: OnCall, verb: str, now: datetime) -> None:
    times = {"starts_at": row.starts_at.isoformat(), "ends_at": row.ends_at.isoformat()}
    data = {"person": row.person_id, "team": row.team_id, **times}
    journal.record(actor, [journal.Fact("on_call", row.pk, f"on_call.{verb}", now, data)], now=now)


@short
def wish(*, actor: Actor, quiet_from: str, quiet_to: str, digest_min: int, now: datetime) -> Wish:
    """One's own quiet time and digest. Empty times switch the quiet time off."""
    if actor.id is None:
        raise Denied("")
    faults = []
    if bool(quiet_from) != bool(quiet_to):
        faults.append(Fault("quiet_to", "plan_time"))
    elif quiet_from:
        try:
            quiet = alerting.quiet_of(quiet_from, quiet_to)
            if quiet.start == quiet.end:
                faults.append(Fault("quiet_to", "plan_quiet_always"))
        except ValueError:
            faults.append(Fault("quiet_from", "plan_time"))
    if not 0 <= digest_min <= MAX_DIGEST_MIN:
        faults.append(Fault("digest_min", "out_of_range", {"low": 0, "high": MAX_DIGEST_MIN}))
    if faults:
        raise Invalid(*faults)
    found, _made = Wish.objects.update_or_create(
        person_id=actor.id, defaults={"quiet_from": quiet_from, "quiet_to": quiet_to, "digest_min": digest_min}
    )
    data = {"quiet_from": quiet_from, "quiet_to": quiet_to, "digest_min": digest_min}
    journal.record(actor, [journal.Fact("person", actor.id, "person.alert_wish", now, data)], now=now)
    return found
