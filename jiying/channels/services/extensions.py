"""Who sits at which extension: as the administrator configured it, and as people say of themselves (D17)."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jiying.base import journal
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Denied, Invalid
from jiying.base.models import Connection
from jiying.base.transactions import short
from jiying.channels.models import Extension

KIND = "cti"
FORM = re.compile(r"[0-9A-Za-z*#._-]{1,20}")


def configured(options: Mapping[str, Any]) -> dict[str, str]:
    """{extension: user name or employee number} of a connection."""
    lines = [line.partition("=") for line in options.get("extensions") or ()]
    return {extension.strip(): who.strip() for extension, _mark, who in lines}


@short
def choose(*, actor: Actor, number: str, now: datetime) -> str:
    """ "I sit at 8005 today"; empty: where I always sit. Whoever said so before gives the place up.

    What the administrator has given to somebody else is not for taking.
    """
    if actor.person is None or not actor.rights & {"desk.handle", "desk.assign"}:
        raise Denied("desk.handle")
    number = number.strip()
    if number and not FORM.fullmatch(number):
        raise Invalid.one("extension", "wrong_form", value=number[:40], form="8001")
    own = {actor.person.username.lower(), actor.person.employee_no.lower()} - {""}
    for options in Connection.objects.filter(kind=KIND, active=True).values_list("options", flat=True):
        if (who := configured(options).get(number)) and who.lower() not in own:
            raise Conflict.one("extension_given", "extension", value=number)
    before = Extension.objects.filter(person=actor.person).values_list("number", flat=True).first() or ""
    if before == number:
        return number
    Extension.objects.filter(number=number).exclude(person=actor.person).delete()
    if number:
        Extension.objects.update_or_create(person=actor.person, defaults={"number": number, "since": now})
    else:
        Extension.objects.filter(person=actor.person).delete()
    data = {"from": before, "to": number}
    journal.record(actor, [journal.Fact("person", actor.person.pk, "person.extension", now, data)], now=now)
    return number
