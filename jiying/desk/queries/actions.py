"""The buttons of a ticket: a list of actions, filled in `AppConfig.ready` of whoever adds a verb. Services decide."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from jiying.base.actor import Actor
from jiying.desk.models import Ticket


@dataclass(frozen=True, slots=True)
class Offer:
    """To whom an action would be offered, on what, with the verbs that state and rights allow."""

    actor: Actor
    ticket: Ticket
    verbs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Action:
    """`rule` is the verb that must be allowed (empty: `when` alone decides); `way` is how the button works.

    Ways: `ask` opens the form of the address in the dialog, `do` posts at once, `write` goes to the composer's tab.
    Places: `bar`, or `menu` for what is rare. Lower `order` stands first. A key works wherever the button is.
    """

    name: str
    order: int
    label: Any
    icon: str
    rule: str = ""
    key: str = ""
    way: str = "ask"
    place: str = "bar"
    when: Callable[[Offer], bool] = lambda offer: True
    url_name: str = "desk:do"  # with (number, name); another one gets the number alone
    is_danger: bool = False


@dataclass(frozen=True, slots=True)
class Button:
    name: str
    label: str
    icon: str
    key: str
    way: str
    url: str
    is_danger: bool


@dataclass(frozen=True, slots=True)
class Buttons:
    """The one next action, what stands beside it, and what is behind “more”."""

    primary: Button | None
    bar: list[Button]
    menu: list[Button]


def _is_ours(offer: Offer) -> bool:
    return offer.ticket.assignee_id is not None


def _has_dedicated(offer: Offer) -> bool:
    """The customer has an agent of their own, and it is somebody else than who has the ticket."""
    customer = offer.ticket.customer
    return customer is not None and customer.dedicated_id not in (None, offer.ticket.assignee_id)


def _has_form(offer: Offer) -> bool:
    return bool(offer.ticket.form)


ACTIONS: dict[str, Action] = {}


def register(*actions: Action) -> None:
    ACTIONS.update({action.name: action for action in actions})


register(
    Action("accept", 10, _("Accept"), "check", "accept", "a", "do", when=_is_ours),
    Action("take", 11, _("Take it"), "check", "accept", "a", "do", when=lambda offer: not _is_ours(offer)),
    Action("transfer", 20, _("Transfer"), "arrows-exchange", "assign", "t"),
    Action("dedicated", 21, _("To the dedicated agent"), "crown", "assign", way="do", when=_has_dedicated),
    Action("ask", 25, _("Ask another department"), "heart-handshake", "collaborate", "c", place="menu"),
    Action("hold", 30, _("Hold"), "player-pause", "hold", "h"),
    Action("resume", 31, _("Resume"), "player-play", "resume", "h", "do"),
    Action("reject", 35, _("Not solved"), "arrow-back-up", "reject"),
    Action("reply", 39, _("Reply"), "send", "reply", "", "write", place="next"),
    Action("resolve", 40, _("Solved"), "circle-check", "resolve", "s"),
    Action("confirm", 41, _("Customer confirmed"), "circle-check", "confirm", "s", "do", place="next"),
    Action("reopen", 45, _("Reopen"), "arrow-back-up", "reopen", place="menu"),
    Action("priority", 50, _("Change the priority"), "flag", "priority", "i", place="menu"),
    Action("escalate", 55, _("Escalate"), "urgent", "escalate", "e", place="menu"),
    Action("up", 57, _("Hand up"), "stairs-up", "hand_up", "u", place="menu"),
    Action("flow", 58, _("Start a task flow"), "clipboard-check", "flow", place="menu"),
    Action("offer", 58, _("Make an offer"), "gift", "offer", "o", place="menu"),
    Action("complete", 59, _("Complete the details"), "pencil", "reclassify", place="menu", when=_has_form),
    Action("fields", 60, _("Edit the fields"), "pencil", "reclassify", "f", place="menu"),
    Action("close", 65, _("Close without waiting"), "archive", "close", place="menu"),
    Action("split", 75, _("Split off a request"), "arrows-split-2", "split", place="menu"),
    Action("link", 77, _("Link to another"), "link", "link", place="menu"),
    Action("merge", 80, _("Merge into another"), "git-merge", "merge", place="menu"),
    Action("cancel", 90, _("Cancel the ticket"), "circle-x", "cancel", place="menu", is_danger=True),
)
# What the life cycle calls a step, where the action has a name of its own.
_STEPS = {"assign": ("transfer",), "accept": ("accept", "take")}


def offered(offer: Offer, next_verb: str) -> Buttons:
    """The buttons for one reader. `next_verb` is the life cycle's name for the step that comes next."""
    rows = sorted(ACTIONS.values(), key=lambda action: (action.order, action.name))
    able = [a for a in rows if (not a.rule or a.rule in offer.verbs) and a.when(offer)]
    first = next((a for a in able if a.name in _STEPS.get(next_verb, (next_verb,))), None)
    rest = [a for a in able if a is not first]
    return Buttons(
        primary=None if first is None else _button(first, offer.ticket),
        bar=_placed(rest, "bar", offer.ticket),
        menu=_placed(rest, "menu", offer.ticket),
    )


def _placed(actions: Iterable[Action], place: str, ticket: Ticket) -> list[Button]:
    return [_button(action, ticket) for action in actions if action.place == place]


def _button(action: Action, ticket: Ticket) -> Button:
    shipped = action.url_name == "desk:do"
    verb = {"take": "accept"}.get(action.name, action.name)
    url = reverse(action.url_name, args=[ticket.number, verb] if shipped else [ticket.number])
    return Button(action.name, str(action.label), action.icon, action.key, action.way, url, action.is_danger)
