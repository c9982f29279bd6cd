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
        "on_call": _l("On call"),
        "manager": _l("Management"),
        "responder": _l("Responder"),
        "mentioned": _l("Mentioned"),
    },
    "kind": {"alert_rule": _l("rule of the alert plan"), "on_call": _l("time on call")},
    # Rules as shipped; an own name wins.
    "alert_rule": {
        "escalated": _l("An escalated ticket"),
        "vip": _l("A VIP's request comes in"),
        "warning": _l("Before it is due"),
        "unaccepted": _l("Not accepted in time"),
        "due": _l("Overdue"),
        "late": _l("Still overdue after further minutes"),
    },
    "occasion": {
        "escalated": _l("Escalated"),
        "vip": _l("A VIP's request"),
        "warn1": _l("First warning"),
        "warn2": _l("Second warning"),
        "due": _l("Due"),
        "late1": _l("First reminder after it"),
        "late2": _l("Second reminder after it"),
        "late3": _l("Third reminder after it"),
    },
    "alert_fact": {
        "point": _l("When"),
        "metric": _l("Clock"),
        "priority": _l("Priority"),
        "tier": _l("Customer"),
        "hours": _l("Time of day"),
    },
    "hours": {"open": _l("in open hours"), "closed": _l("outside open hours")},
    "severity": {
        "notice": _l("Notices"),
        "warning": _l("Warnings"),
        "breach": _l("Overdue"),
        "critical": _l("Escalated and still overdue"),
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
    "plan_shape": _l("This part of the plan has another shape than expected."),
    "plan_unknown": _l("“%(value)s” is not known here."),
    "plan_many": _l("At most %(limit)s rules."),
    "plan_key": _l("Each rule needs a key of at most 40 characters."),
    "plan_twice": _l("Two rules have the key “%(value)s”."),
    "plan_name": _l("A name of at most %(limit)s characters."),
    "plan_empty": _l("A condition without any value would never hold. Leave it out, or name what it asks for."),
    "plan_ways": _l("The pop-up comes always, a message besides: %(known)s."),
    "plan_time": _l("A time of day such as 22:30."),
    "plan_quiet_always": _l("From and until are the same: nothing would ever be sent."),
    "on_call_length": _l("The end lies after the beginning, at most %(days)s days later."),
    "on_call_past": _l("This time is over already."),
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
