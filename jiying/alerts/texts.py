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
    # What is told of a message that did not go out, where it is ours; what the other side said stands as it came.
    "sending_error": {
        "connection_off": _l("The connection that it would go out by is switched off or gone."),
        "mail_off": _l("Mail is switched off (JIYING_SMTP_URL is empty)."),
        "no_number": _l("There is no mobile number."),
        "local_address": _l("This address speaks to the machine itself."),
        "unknown_address": _l("apprise does not know this address."),
        "refused": _l("The service did not take it."),
    },
    "told_as": {
        "assignee": _l("Assignee"),
        "supervisor": _l("Supervisor"),
        "on_call": _l("On call"),
        "manager": _l("Management"),
        "responder": _l("Responder"),
        "mentioned": _l("Mentioned"),
        "approver": _l("Approver"),
        "proposer": _l("Proposer"),
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
        "approval": _l("A version waits for approval"),
        "decided": _l("Causes to judge, and what was decided"),
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
        "approval": _l("A version waits for approval"),
        "cause": _l("A breach cause waits for judgement"),
        "decided": _l("Approved or sent back"),
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
    "way": {"mail": pgettext_lazy("channel", "E-mail"), "sms": _l("Text message"), "group": _l("Group robot")},
    # Why a message did not go out (`alert.withheld` in the journal).
    "withheld": {
        "withdrawn": _l("Withdrawn before"),
        "acknowledged": _l("Noted before"),
        "subject_over": _l("Ended before"),
        "reason_passed": _l("Done, paused or re-dated before"),
        "person_left": _l("The recipient left"),
        "no_address": _l("The recipient has no e-mail address"),
        "no_number": _l("The recipient has no mobile number"),
    },
    "alert": {
        "approval.waits": _l("%(who)s asks for your approval"),
        "approval.given": _l("Approved by all who had to"),
        "approval.back": _l("%(who)s sent it back: %(reason)s"),
        "approval.undone": _l("%(who)s withdrew it: %(reason)s"),
    },  # what an alert says, by its kind: "clock.warn": "%(metric)s due in %(left)s"
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
    "sms_place": _l("The place %(place)s is missing: without it the message cannot be made."),
    "sms_json": _l("This is no JSON once its places are filled in."),
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
