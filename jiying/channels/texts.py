"""The channels floor's codes as words: a ticket's state as its customer reads it, and the faults of the portal."""

from django.utils.translation import gettext_lazy as _

TERMS = {
    "kind": {"portal_link": _("link")},
    "portal_state": {
        "received": _("Request received"),
        "at_work": _("Being handled"),
        "your_turn": _("Waiting for your answer"),
        "solved": _("Solved, please confirm"),
        "ended": _("Request finished"),
        "cancelled": _("Request cancelled"),
        "merged": _("Continued in another request"),
    },
    "portal_step": {
        "received": _("Taken in"),
        "at_work": _("Being handled"),
        "solved": _("Resolved"),
        "ended": _("Finished"),
    },
}
FAULTS = {
    "portal_staff": _("You are signed in as a colleague; only the customer can do this here."),
    "portal_no_customer": _("This ticket has no customer, so there is nobody to give a link to."),
    "portal_too_many": _("More than %(n)s messages within an hour. Please wait a little, or call us."),
}
