"""Named rights and the shipped roles (D26). A service asks `require`; a page or query asks `has`."""

from django.utils.translation import gettext_lazy as _

from jiying.base import texts
from jiying.base.actor import Actor
from jiying.base.errors import Denied

RIGHTS = {
    "desk.view_own": _("See one's own tickets and the queue of one's own team"),
    "desk.view_team": _("See all tickets of one's own team"),
    "desk.view_all": _("See all tickets"),
    "desk.create": _("Create tickets"),
    "desk.handle": _("Handle one's own tickets: accept, reply, hold, resolve"),
    "desk.assign": _("Assign and transfer other people's tickets"),
    "desk.priority": _("Change the priority of a ticket"),
    "desk.cancel": _("Cancel and merge tickets"),
    "desk.answer": _("Answer collaboration requests to one's own department"),
    "desk.approve_cause": _("Approve or correct breach causes"),
    "desk.judge_repeats": _("Name the root causes of repeat contacts"),
    "desk.canned_texts": _("Edit the canned texts of one's own team; with the right to see all tickets, everybody's"),
    "desk.share_views": _("Share saved views with one's own team; with the right to see all tickets, with everybody"),
    "desk.reveal": _("Reveal masked personal data (each reveal is journalled)"),
    "desk.unmasked": _("See personal data of customers of one's own tickets unmasked"),
    "desk.edit_customers": _(
        "Change what is known of customers by new requests, and their tier, dedicated agent and tags"
    ),
    "desk.privacy": _("Hand out and erase all data of a customer"),
    "desk.import": _("Import history and past times of receipt"),
    "desk.export": _("Export lists"),
    "desk.edit_rules": _("Edit priority rules and categories"),
    "desk.mail": _("See all mail that came in, and handle what could not be taken in by itself"),
    "desk.report_events": _("Report outside events (for the tokens of other systems)"),
    "clocks.view": _("See standards and calendars"),
    "clocks.edit": _("Draft standards and edit calendars"),
    "clocks.approve_supervisor": _("Approve standards as supervisor"),
    "clocks.approve_operations": _("Approve standards as operations"),
    "clocks.approve_department": _("Approve collaboration standards for one's own department"),
    "alerts.view_team": _("See the alerts and late tickets of one's own team"),
    "alerts.edit": _("Decide who is told of what, and quiet times"),
    "alerts.on_call": _("Arrange who is on call"),
    "quality.view_results": _("See what customers said in surveys, for tickets that one may see"),
    "quality.call_back": _("Call customers back after bad ratings and name the cause"),
    "quality.edit_surveys": _("Edit surveys"),
    "quality.report_scores": _("Report scores of surveys (for the tokens of telephone systems)"),
    "people.view": _("See people, teams and roles"),
    "people.edit": _("Edit people, teams and roles"),
    "system.audit": _("See the audit: sign-ins, changed rights, reveals, exports, settings"),
    "system.health": _("See queues, failed work and metrics"),
    "system.settings": _("Change system settings"),
    "system.connections": _("Connect mailboxes, robots, hooks and other systems"),
}
texts.register_terms({"right": RIGHTS})

_AGENT = ["desk.view_own", "desk.create", "desk.handle", "desk.unmasked", "clocks.view"]
_LEAD = [
    *_AGENT,
    "desk.view_team",
    "desk.assign",
    "desk.priority",
    "desk.cancel",
    "desk.approve_cause",
    "desk.judge_repeats",
    "desk.canned_texts",
    "desk.share_views",
    "desk.edit_customers",
    "desk.reveal",
    "alerts.view_team",
    "alerts.on_call",
    "quality.view_results",
    "quality.call_back",
    "people.view",
]

_SUPERVISOR = [
    *_LEAD,
    "desk.view_all",
    "desk.mail",
    "alerts.edit",
    "quality.edit_surveys",
    "clocks.edit",
    "clocks.approve_supervisor",
    "clocks.approve_department",
]

# code: (name, rights)
SHIPPED_ROLES = {
    "agent": (_("Agent"), _AGENT),
    "lead": (_("Team leader"), _LEAD),
    "supervisor": (
        _("Supervisor"),
        _SUPERVISOR,
    ),
    "qa": (
        _("Quality reviewer"),
        ["desk.view_all", "desk.judge_repeats", "clocks.view", "quality.view_results", "people.view"],
    ),
    "operations": (
        _("Operations"),
        [
            "desk.view_all",
            "desk.edit_rules",
            "desk.canned_texts",
            "desk.share_views",
            "quality.view_results",
            "quality.edit_surveys",
            "clocks.view",
            "clocks.edit",
            "clocks.approve_operations",
            "clocks.approve_department",
            "people.view",
        ],
    ),
    "planner": (_("Planner"), ["clocks.view", "people.view"]),
    "manager": (
        _("Management"),
        [
            "desk.view_all",
            "alerts.view_team",
            "clocks.view",
            "clocks.approve_department",
            "quality.view_results",
            "people.view",
        ],
    ),
    "responder": (_("Department responder"), ["desk.answer", "clocks.approve_department"]),
    "admin": (_("Administrator"), sorted(RIGHTS)),
}


texts.register_terms({"role": {code: name for code, (name, _rights) in SHIPPED_ROLES.items()}})


def has(actor: Actor, right: str) -> bool:
    return right in actor.rights


def require(actor: Actor, right: str) -> None:
    """Raises Denied where the actor lacks the named right."""
    if right not in actor.rights:
        raise Denied(right)
