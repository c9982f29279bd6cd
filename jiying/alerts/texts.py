"""The words of alerts: terms of their codes and the faults of their verbs. What an alert says is made in `queries`."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext, pgettext_lazy

TERMS: dict[str, dict[str, Any]] = {
    "alert_state": {
        "new": _l("Unread"),
        "seen": _l("Read"),
        "acknowledged": _l("Noted"),
        "withdrawn": _l("Settled"),
    },
    "told_as": {
        "assignee": _l("Assignee"),
        "supervisor": _l("Supervisor"),
        "manager": _l("Management"),
        "responder": _l("Responder"),
        "mentioned": _l("Mentioned"),
    },
    "way": {"mail": pgettext_lazy("channel", "E-mail")},
    # Why a message did not go out (`alert.withheld` in the journal).
    "withheld": {
        "withdrawn": _l("Withdrawn before"),
        "acknowledged": _l("Noted before"),
        "subject_over": _l("Ended before"),
        "reason_passed": _l("Done, paused or re-dated before"),
        "person_left": _l("The recipient left"),
        "no_address": _l("The recipient has no e-mail address"),
    },
    "alert": {},  # what an alert says, by its kind: "clock.warn": "%(metric)s due in %(left)s"
    "alert_at": {},  # the same with the wall-clock time, for what is read later (mails, lists)
}

FAULTS: dict[str, Any] = {
    "delivery_not_failed": _l("This message has not failed; it need not be sent again."),
}


def duration(seconds: float) -> str:
    """A length of time in words, in whole minutes rounded up: `5 minutes`, `2 h 05 min`, `3 days`."""
    minutes = max(0, -int(-seconds // 60))
    if minutes < 60:
        return ngettext("%(n)s minute", "%(n)s minutes", minutes) % {"n": minutes}
    if minutes < 48 * 60:
        return _("%(h)s h %(m)s min") % {"h": minutes // 60, "m": f"{minutes % 60:02d}"}
    days = minutes // (24 * 60)
    return ngettext("%(n)s day", "%(n)s days", days) % {"n": days}
