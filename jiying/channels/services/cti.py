"""The telephone system's kind of connection: what is filled in, and a trial that shows the extensions make sense."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from jiying.base.connections import Failed, Field, Kind, Open
from jiying.base.errors import Fault
from jiying.channels.services import lost_calls
from jiying.channels.services.hooks import door_facts
from jiying.channels.services.phone import person_of


def _check(options: Mapping[str, Any]) -> Sequence[Fault]:
    wrong = [line for line in options["extensions"] if line.count("=") != 1 or not all(map(str.strip, line.split("=")))]
    return [Fault("extensions", "wrong_form", {"value": wrong[0][:40], "form": "8001=lin"})] if wrong else []


def _test(found: Open) -> str:
    """Nothing can be called at the other side; what can be checked is whom its extensions mean."""
    lines = list(found.options.get("extensions") or ())
    lost = [line for line in lines if person_of(found, line.partition("=")[0].strip()) is None]
    if lost:
        raise Failed(_("Nobody is meant by: %(lines)s") % {"lines": _(", ").join(lost)})
    return _("All %(n)s extensions have somebody. Send a ringing event to try the rest.") % {"n": len(lines)}


CTI = Kind(
    "cti",
    _l("Telephone system (CTI)"),
    "phone",
    fields=(
        Field(
            "extensions",
            _l("Extensions"),
            "lines",
            hint=_l("One a line: 8001=lin (user name or employee number). Without, the system names its agents so."),
        ),
        Field(
            "longest_min",
            _l("Longest call in minutes"),
            "number",
            default=lost_calls.LONGEST_MIN,
            low=5,
            high=1440,
            hint=_l("A call of whose end nothing was heard by then is closed with a note, so that its agent is free."),
        ),
    ),
    secrets=(Field("secret", _l("Secret of the signature"), required=True),),
    hint=_l("Ringing, answered, ended, missed and recordings as signed web hooks."),
    check=_check,
    test=_test,
    more=door_facts,
)
