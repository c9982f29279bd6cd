"""The right column of a ticket: a list of panels, filled in `AppConfig.ready` of whoever has something to show there.

A panel builds its part for one reader, in a number of queries that does not depend on how much there is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jiying.base.actor import Actor
from jiying.desk.models import Ticket
from jiying.desk.queries import codes, flows, intake_forms, lines, links, offers
from jiying.desk.queries.ticket_page import TicketPage


@dataclass(frozen=True, slots=True)
class About:
    """What a panel is asked about: a ticket that the actor may see, and what its page has read already."""

    actor: Actor
    ticket: Ticket
    page: TicketPage
    now: datetime


@dataclass(frozen=True, slots=True)
class Panel:
    """`build` returns what the template shall know as `part`, or None where the panel is not shown.

    The template is one <section class="card">; it knows `ticket`, `page` and `actor` too. Lower `order` stands higher.
    """

    key: str
    order: int
    template: str
    build: Callable[[About], Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """A panel with its part, as the template walks them."""

    key: str
    template: str
    part: Any


def _always(about: About) -> About:
    return about


def _closing(about: About) -> codes.Booked | None:
    return codes.of_ticket(about.ticket) if about.ticket.resolved_at else None


def _answers(about: About) -> intake_forms.Answers | None:
    return intake_forms.of_ticket(about.ticket)


def _tasks(about: About) -> list[flows.Run] | None:
    return flows.of_ticket(about.actor, about.ticket, about.now) or None


def _handed_up(about: About) -> list[lines.Up] | None:
    return lines.of_ticket(about.actor, about.ticket, about.now) or None


def _tied(about: About) -> list[links.Tied] | None:
    return links.of_ticket(about.actor, about.ticket) or None


def _offered(about: About) -> offers.OfTicket | None:
    found = offers.of_ticket(about.actor, about.ticket)
    return found if found.here or found.elsewhere else None


PANELS: dict[str, Panel] = {}


def register(*panels: Panel) -> None:
    PANELS.update({panel.key: panel for panel in panels})


register(
    Panel("clocks", 10, "desk/panels/clocks.html", _always),
    Panel("customer", 20, "desk/panels/customer.html", _always),
    Panel("closing", 15, "desk/panels/closing.html", _closing),
    Panel("intake", 25, "desk/panels/intake.html", _answers),
    Panel("tasks", 30, "desk/panels/tasks.html", _tasks),
    Panel("lines", 35, "desk/panels/lines.html", _handed_up),
    Panel("offers", 38, "desk/panels/offers.html", _offered),
    Panel("collaboration", 40, "desk/panels/collaboration.html", _always),
    Panel("links", 50, "desk/panels/links.html", _tied),
    Panel("fields", 60, "desk/panels/fields.html", _always),
    Panel("journal", 90, "desk/panels/journal.html", _always),
)


def shown(about: About) -> list[Shown]:
    """The panels of one ticket for one reader, from top to bottom."""
    found = []
    for panel in sorted(PANELS.values(), key=lambda panel: (panel.order, panel.key)):
        part = panel.build(about)
        if part is not None:
            found.append(Shown(panel.key, panel.template, part))
    return found


# Sections of a customer's page that features above the desk fill in: {key: (template, whether it is shown)}.
OF_CUSTOMER: dict[str, tuple[str, Callable[[], bool]]] = {}


def of_customer() -> list[str]:
    """Their templates; each knows `card`, the customer's."""
    return [template for _key, (template, is_shown) in sorted(OF_CUSTOMER.items()) if is_shown()]
