"""Which team stands on which support line, and the rules by which tickets go up (D24a)."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from jiying.base import documents, journal
from jiying.base.actor import Actor
from jiying.base.errors import Fault, Invalid, NotFound
from jiying.base.models import Team
from jiying.base.policies import require
from jiying.base.transactions import short
from jiying.core import support_lines as core
from jiying.desk.models import TeamLine

RIGHT = "desk.edit_rules"
RULES = "default"  # the one key of the document


@short
def set_line(*, actor: Actor, team: str, line: int, now: datetime) -> TeamLine:
    """Put a team on a line."""
    require(actor, RIGHT)
    found = Team.objects.filter(code=team).first()
    if found is None:
        raise NotFound("team", team)
    if line not in core.LINES:
        raise Invalid.one("line", "out_of_range", low=core.LINES[0], high=core.LINES[-1])
    row = TeamLine.objects.select_for_update().filter(team=found).first()
    before = row.line if row else 1
    row, _made = TeamLine.objects.update_or_create(team=found, defaults={"line": line})
    if before != line:
        data = {"changes": {"line": [before, line]}}
        journal.record(actor, [journal.Fact("team", found.pk, "team.changed", now, data)], now=now)
    return row


def _faults(body: Any) -> list[Fault]:
    higher = list(TeamLine.objects.filter(line__gt=1).values_list("team__code", flat=True))
    return [Fault(p.path, p.code, p.params) for p in core.problems(body, higher)]


LINES = documents.DocumentKind("lines", RIGHT, _faults, needs_approval=False)


def save_rules(*, actor: Actor, body: Mapping[str, Any], now: datetime) -> None:
    """Rules in force from now on, as a new version."""
    documents.create(actor=actor, kind="lines", key=RULES, body=dict(body), now=now)


def rules(now: datetime) -> tuple[core.UpRule, ...]:
    """The rules in force; none where nobody wrote any."""
    number = documents.in_force("lines", now).get(RULES)
    return _parsed(number) if number else ()


@lru_cache(maxsize=16)
def _parsed(number: int) -> tuple[core.UpRule, ...]:
    return core.parse(documents.get("lines", RULES, number).body)


def forget() -> None:
    """Drop what is kept (between tests)."""
    _parsed.cache_clear()
