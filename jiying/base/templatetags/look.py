"""Template tags for the small parts that lists repeat: icon, clock pill, priority, state, faces.

Written in Python because a list shows hundreds of them. They present what they are given: no query, no right, no
formula.
"""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from jiying.base import texts

register = template.Library()

STATE_HUES = {
    "new": "blue is-open",
    "assigned": "blue is-open",
    "accepted": "blue",
    "in_progress": "blue",
    "waiting": "amber",
    "resolved": "green",
    "closed": "grey",
    "cancelled": "grey is-open",
    "merged": "grey is-open",
    "draft": "grey is-open",
    "proposed": "amber",
    "approved": "green",
    "rejected": "red",
    "done": "green",
    "skipped": "amber",
    "open": "blue",
    "answered": "green",
    "asked": "amber is-open",
    "taken": "blue",
    "withdrawn": "grey is-open",
    "overdue": "red",
    "failed": "red",
    "quarantine": "amber",
    "partly": "amber",
    "refused": "red",
    "cut": "amber is-open",
    "parked": "red",
}
PRIORITY_HUES = {"P1": "red", "P2": "orange", "P3": "blue", "P4": "grey"}
CLOCK_ICONS = {
    "running": "clock",
    "paused": "player-pause",
    "met": "check",
    "breached": "clock-exclamation",
    "cancelled": "x",
}
CLOCK_LEVELS = {"running": "far"}  # the browser knows better within the first second
CHANNEL_ICONS = {
    "phone": "phone",
    "chat": "message-circle",
    "email": "mail",
    "social": "brand-wechat",
    "web": "world",
    "other": "walk",
}


def _of(thing: Any, name: str) -> Any:
    """A value of a mapping or an object; None where there is none: parts take rows, dataclasses and dicts alike."""
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


@register.simple_tag
@lru_cache(maxsize=1024)  # the sprite's address is the dearest part of a row
def icon(name: str, classes: str = "") -> SafeString:
    """An icon of the sprite (frontend/icons.json), hidden from screen readers: the text beside it names the thing."""
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        classes,
        static("dist/icons.svg"),
        name,
    )


@register.filter
def term(code: str, group: str) -> str:
    """The word for a code in the reader's language: {{ ticket.status|term:"status" }}."""
    return texts.term(group, code)


@register.simple_tag
def priority(code: str) -> SafeString:
    """The small square P1 … P4; its title is the word."""
    return format_html(
        '<span class="jy-prio hue-{}" data-priority="{}" title="{}">{}</span>',
        PRIORITY_HUES.get(code, "grey"),
        code,
        texts.term("priority", code),
        code,
    )


@register.simple_tag
def state(code: str, group: str = "status") -> SafeString:
    """A state as a soft badge; a ring instead of a dot says that nobody works on it yet or any more."""
    hue = STATE_HUES.get(code, "grey")
    return format_html('<span class="jy-state hue-{}">{}</span>', hue, texts.term(group, code))


@register.simple_tag
def channel(code: str) -> SafeString:
    """A channel as an icon with its name for screen readers and as title."""
    word = texts.term("channel", code)
    return format_html(
        '<span class="jy-channel" title="{}">{}<span class="visually-hidden">{}</span></span>',
        word,
        icon(CHANNEL_ICONS.get(code, "inbox")),
        word,
    )


@register.simple_tag
def clock(pill: Any, classes: str = "") -> SafeString:
    """The clock pill, which the browser ticks (frontend/src/countdown.ts).

    `pill` has `metric` (code), `label`, `state`, and as they apply, in epoch seconds: `due`, `warn1`, `warn2`, `ended`,
    `open` (intervals of open time from now to due, pairs or "s-e,s-e"); when paused `left` (working seconds) and
    `reason` (words).
    """
    code = _of(pill, "state") or "pending"
    label = _of(pill, "label") or ""
    attributes = [
        format_html(' data-{}="{}"', name, _spans(value) if name == "open" else value)
        for name in ("due", "warn1", "warn2", "ended", "open", "left", "reason")
        if (value := _of(pill, name)) not in (None, "")
    ]
    return format_html(
        '<time class="jy-clock {}" data-clock="{}" data-state="{}" data-level="{}"{}>{}{}'
        "<span data-time>{}</span></time>",
        classes,
        _of(pill, "metric") or "",
        code,
        CLOCK_LEVELS.get(code, code),
        SafeString("".join(attributes)),
        icon(CLOCK_ICONS.get(code, "hourglass")),
        format_html('<span class="jy-clock-label">{}</span>', label) if label else "",
        texts.term("clock_state", code),
    )


def _spans(value: str | Iterable[tuple[int, int]]) -> str:
    return value if isinstance(value, str) else ",".join(f"{start}-{end}" for start, end in value)


def initials(name: str) -> str:
    """Two letters of a Latin name, the first character of a Chinese one."""
    words = name.split()
    if not words:
        return "?"
    if words[0][0].isascii():
        return "".join(word[0] for word in words[:2]).upper()
    return words[0][0]


@register.simple_tag
def face(who: Any, classes: str = "") -> SafeString:
    """A person's initials in a circle, with presence as a dot whose shape differs too."""
    dot: SafeString | str = ""
    if presence := _of(who, "presence"):
        word = texts.term("presence", presence)
        dot = format_html('<span class="jy-dot" data-presence="{}" title="{}"></span>', presence, word)
    letters = _of(who, "initials") or initials(str(_of(who, "name") or ""))
    return format_html('<span class="jy-face {}" aria-hidden="true">{}{}</span>', classes, letters, dot)


@register.simple_tag
def person(who: Any) -> SafeString:
    """A person chip; nobody is said in words."""
    if not who:
        return format_html('<span class="text-secondary">{}</span>', _("Nobody"))
    return format_html('<span class="jy-chip">{}<span>{}</span></span>', face(who), _of(who, "name") or "")


@register.simple_tag
def customer(who: Any) -> SafeString:
    """A customer chip: the name as given (masked by whoever gives it) and the VIP mark."""
    if not who:
        return format_html('<span class="text-secondary">{}</span>', _("Unknown"))
    mark: SafeString | str = ""
    if _of(who, "is_vip") or _of(who, "vip"):
        mark = format_html('<span class="jy-vip">{}VIP</span>', icon("crown"))
    return format_html('<span class="jy-chip"><span>{}</span>{}</span>', _of(who, "name") or "", mark)
