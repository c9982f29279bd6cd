"""Chats and forms on other people's pages (D16): the kind of connection, and one that is open with its decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from jiying.base import connections, documents
from jiying.base.connections import Field
from jiying.base.errors import Fault, NotFound
from jiying.channels.models import CHANNEL
from jiying.clocks import queries as clocks
from jiying.core import widgets as core
from jiying.desk.services import triage

KIND = "web_widget"
COLOUR = "#0b6bcb"


@dataclass(frozen=True, slots=True)
class Widget:
    """One that is switched on. Texts are in the language that is active."""

    pk: int
    key: str
    options: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A text in the reader's language, in the other one where it was not written."""
        first, second = ("en", "zh") if (translation.get_language() or "").startswith("en") else ("zh", "en")
        return str(self.options.get(f"{name}_{first}") or self.options.get(f"{name}_{second}") or "")

    def number(self, name: str) -> int:
        usual = next(one.default for one in FIELDS if one.name == name)
        return int(self.options[name] or usual)

    @property
    def colour(self) -> str:
        return str(self.options["colour"] or COLOUR)

    @property
    def ancestors(self) -> str:
        return core.ancestors(self.options["origins"])

    @property
    def has_form(self) -> bool:
        return bool(self.options["form"])

    @property
    def asks_contact(self) -> bool:
        return bool(self.options["ask"] == "contact")

    def in_hours(self, now: datetime) -> bool:
        """Whether its calendar is open; one that is not in force any more closes nothing."""
        key = str(self.options["calendar"])
        version = documents.in_force("calendar", now).get(key) if key else None
        if version is None:
            return True
        return clocks.calendar(key, version).is_open(clocks.second_of(now))

    def may_chat(self, now: datetime) -> bool:
        """Within the hours, and with somebody there who takes chats; who is busy makes a queue, not an end."""
        return bool(self.options["chat"]) and self.in_hours(now) and bool(triage.candidates(CHANNEL))


def opened(key: str) -> Widget:
    """The one that a page names; one that is switched off does not exist."""
    found = connections.open_one(key)
    if found is None or found.kind != KIND:
        raise NotFound("web_widget", key)
    return Widget(found.pk, found.code, found.options)


def by_id(pk: int | None) -> Widget | None:
    found = connections.open_by_id(pk) if pk is not None else None
    return Widget(found.pk, found.code, found.options) if found and found.kind == KIND else None


def snippet(key: str) -> str:
    """What is pasted into a page."""
    return f'<script src="{settings.BASE_URL}/static/dist/widget.js" data-key="{key}" async></script>'


def _calendars() -> Sequence[tuple[str, Any]]:
    return [(one.key, one.label) for one in clocks.calendars(timezone.now())]


def _check(options: Mapping[str, Any]) -> Sequence[Fault]:
    faults = [
        Fault("origins", "bad_origin", {"value": one[:80]}) for one in options["origins"] if core.origin(one) is None
    ]
    if options["colour"] and not core.is_colour(options["colour"]):
        faults.append(Fault("colour", "bad_colour", {"value": options["colour"][:20]}))
    if not (options["form"] or options["chat"]):
        faults.append(Fault("chat", "widget_empty", {}))
    return faults


def _test(found: connections.Open) -> str:
    """What a visitor would find just now."""
    widget, now = Widget(found.pk, found.code, found.options), timezone.now()
    if not widget.options["chat"]:
        return str(_("The form is open; chat is switched off."))
    if not widget.in_hours(now):
        return str(_("Outside its hours just now: visitors are offered the form."))
    n = len(triage.candidates(CHANNEL))
    if not n:
        raise connections.Failed(str(_("Nobody who takes chats is online: visitors are offered the form.")))
    return str(_("Visitors can chat: %(n)s people are online for chats.") % {"n": n})


def _more(found: connections.Open, now: datetime) -> Sequence[tuple[Any, str]]:
    return [
        (_("Code for the page"), snippet(found.code)),
        (_("Address of its own"), settings.BASE_URL + reverse("chat:page", args=[found.code])),
        (_("Form alone"), settings.BASE_URL + reverse("chat:form", args=[found.code])),
    ]


_ASK = (("nothing", _("Nothing, a name is welcome")), ("contact", _("A phone number or e-mail address")))


def _most(name: str, label: Any, usual: int) -> Field:
    return Field(name, label, "number", default=usual, low=1, high=100_000)


_GREETING = "您好，请问有什么可以帮您？", "Hello, how can we help you?"
_OFFLINE = (
    "现在没有客服在线。请留言，我们会尽快答复。",
    "Nobody is online. Leave a message, and we will answer.",
)
_ORIGIN_HINT = _(
    "One origin a line, such as https://www.example.com or https://*.example.com. Its own address always works."
)
_FORM_HINT = _("Offered beside the chat, and in its place when nobody is there.")
FIELDS = (
    Field("origins", _("Pages that may show it"), "lines", hint=_ORIGIN_HINT),
    Field("title_zh", _("Title, Chinese"), default="在线客服"),
    Field("title_en", _("Title, English"), default="Customer service"),
    Field("colour", _("Colour"), default=COLOUR, hint=_("As #rrggbb.")),
    Field("chat", _("Chat"), "tick", default=True),
    Field("form", _("Form"), "tick", default=True, hint=_FORM_HINT),
    Field("ask", _("Asked before a chat"), "choice", default="nothing", choices=_ASK),
    Field("calendar", _("Hours of the chat"), "choice", hint=_("Empty: always open."), choices=_calendars),
    Field("greeting_zh", _("Greeting, Chinese"), "prose", default=_GREETING[0]),
    Field("greeting_en", _("Greeting, English"), "prose", default=_GREETING[1]),
    Field("offline_zh", _("When nobody is there, Chinese"), "prose", default=_OFFLINE[0]),
    Field("offline_en", _("When nobody is there, English"), "prose", default=_OFFLINE[1]),
    _most("starts_an_hour", _("Chats begun in an hour by one address, at most"), 20),
    _most("messages_a_minute", _("Messages in a minute in one chat, at most"), 30),
    _most("forms_an_hour", _("Forms in an hour from one address, at most"), 10),
    _most("all_an_hour", _("Chats and forms in an hour altogether, at most"), 1000),
)
SPOKEN = connections.Kind(
    KIND,
    _("Web chat and form"),
    "chat",
    FIELDS,
    hint=_("A button on your own site that opens a chat, or a form while nobody is there."),
    check=_check,
    test=_test,
    more=_more,
)
