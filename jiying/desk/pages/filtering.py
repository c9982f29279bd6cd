"""The bar of filters over lists and searches: what can be chosen, in the reader's words. Decides nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from jiying.base import texts
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.desk.models.tickets import Status
from jiying.desk.queries import categories, people
from jiying.desk.queries.filters import TIERS, TYPES, Filters


@dataclass(frozen=True, slots=True)
class Select:
    """One choice. `is_more`: stands behind the button "More", and is shown only when set."""

    name: str
    label: str
    value: str
    options: list[tuple[str, str]]
    is_more: bool = False


def selects(filters: Filters) -> list[Select]:
    """Everything that can be chosen from a list, in three queries."""
    me, nobody, mine = ("me", _("Me")), ("none", _("Nobody")), ("mine", _("My team"))
    agents = [me, nobody, *((str(pk), name) for pk, name in people.names())]
    teams = [mine, ("none", _("No team")), *((str(team.pk), team.name) for team in people.teams())]
    paths = [(choice.path, choice.label) for choice in categories.choices()]
    found = [
        _select(filters, "status", _("State"), _terms("status", Status)),
        _select(filters, "priority", _("Priority"), [(p, f"{p} {texts.term('priority', p)}") for p in PRIORITIES]),
        _select(filters, "channel", _("Channel"), _terms("channel", CHANNELS)),
        _select(filters, "category", _("Category"), paths),
        _select(filters, "assignee", _("Assignee"), agents),
        _select(filters, "team", _("Team"), teams),
        _select(filters, "type", _("Type"), _terms("type", TYPES), is_more=True),
        _select(filters, "tier", _("Customer tier"), _terms("tier", TIERS), is_more=True),
        _select(filters, "due", _("Due within"), _due(), is_more=True),
        _select(filters, "late", _("Clock"), [("1", _("Overdue"))], is_more=True),
    ]
    return found


def _terms(group: str, codes: Iterable[str]) -> list[tuple[str, str]]:
    return [(str(code), texts.term(group, code)) for code in codes]


def _due() -> list[tuple[str, str]]:
    return [
        ("15", _("15 minutes")),
        ("30", _("30 minutes")),
        ("60", _("1 hour")),
        ("240", _("4 hours")),
        ("1440", _("1 day")),
    ]


def _select(
    filters: Filters, name: str, label: str, options: list[tuple[str, str]], *, is_more: bool = False
) -> Select:
    """Several values at once come from an address or a saved view: they are shown as one more choice."""
    value = getattr(filters, name)
    if value and value not in dict(options):
        words = dict(options)
        options = [*options, (value, _(", ").join(words.get(one, one) for one in filters.values(name)))]
    return Select(name, label, value, options, is_more)


def n_more(filters: Filters) -> int:
    """How many filters are set behind the button."""
    return sum(bool(getattr(filters, name)) for name in ("type", "tier", "due", "late", "tag", "since", "until"))


def address(base: str, values: Mapping[str, str], **changes: str) -> str:
    """An address with some parameters changed; empty ones are left out."""
    query = urlencode({name: value for name, value in {**values, **changes}.items() if value})
    return f"{base}?{query}" if query else base
