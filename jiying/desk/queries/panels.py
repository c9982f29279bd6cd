"""The right column of a ticket: a list of panels, filled in `AppConfig.ready` of whoever has something to show there.

A panel builds its part for one reader, in a number of queries that does not depend on how much there is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jiying.base.actor import Actor
from jiying.desk.models import Ticket
from jiying.desk.queries import lines
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


def _handed_up(about: About) -> list[lines.Up] | None:
    return lines.of_ticket(about.actor, about.ticket, about.now) or None


PANELS: dict[str, Panel] = {}


def register(*panels: Panel) -> None:
    PANELS.update({panel.key: panel for panel in panels})


register(
    Panel("clocks", 10, "desk/panels/clocks.html", _always),
    Panel("customer", 20, "desk/panels/customer.html", _always),
    Panel("lines", 35, "desk/panels/lines.html", _handed_up),
    Panel("collaboration", 40, "desk/panels/collaboration.html", _always),
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
