"""Priority rules as people read them (D21): one line a rule, its conditions in words. Decides nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from jiying.base.models import VersionedDocument
from jiying.base.texts import term
from jiying.desk.queries import categories
from jiying.desk.queries.categories import in_language

FIELDS = ("words", "type", "channel", "category", "tier", "tags", "amount", "sentiment")
WAYS = ("any", "all", "none", "except", "at_least", "at_most")
SHOWN = 12  # words of a list that are told
_CENTS = 100


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule in its place; `conditions` must all hold, the first rule that fits decides."""

    place: int
    key: str
    name: str
    priority: str
    conditions: list[str]
    is_changed: bool = False


def lines(body: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> list[RuleLine]:
    """The rules in order; those marked that another document has not, or has otherwise."""
    known = {one.path: one.label for one in categories.choices()}
    old = {rule["key"]: (rule["priority"], rule["when"]) for rule in (before or body)["rules"]}
    return [
        RuleLine(
            place=n,
            key=rule["key"],
            name=name(rule),
            priority=rule["priority"],
            conditions=list(_conditions(rule["when"], known)),
            is_changed=old.get(rule["key"]) != (rule["priority"], rule["when"]),
        )
        for n, rule in enumerate(body["rules"], 1)
    ]


def name(rule: Mapping[str, Any]) -> str:
    names = rule.get("name") or {}
    return in_language(names.get("zh", ""), names.get("en", "")) or rule["key"]


def names(*bodies: Mapping[str, Any]) -> dict[str, str]:
    """{key: name} of the rules of some documents, and of the default."""
    return {"default": _("no rule holds: the default")} | {
        rule["key"]: name(rule) for body in bodies for rule in body["rules"]
    }


def _conditions(when: Mapping[str, Any], known: Mapping[str, str]) -> Iterable[str]:
    for field in FIELDS:
        for way in WAYS:
            if way in when.get(field, {}):
                yield _told(field, way, when[field][way], known)


def _told(field: str, way: str, value: Any, known: Mapping[str, str]) -> str:
    values = value if isinstance(value, list) else [value / _CENTS if field == "amount" else value]
    words = [known.get(str(one)) or term(field, f"{one:g}" if isinstance(one, float) else str(one)) for one in values]
    text = _(", ").join(words[:SHOWN])
    if len(words) > SHOWN:
        text = _("%(words)s … (%(n)s in all)") % {"words": text, "n": len(words)}
    return _("%(what)s: %(values)s") % {"what": label(field, way), "values": text}


def label(field: str, way: str) -> str:
    """A field with the way it is asked: `Channel is one of`."""
    return _("%(what)s (%(how)s)") % {"what": term("priority_field", field), "how": term("priority_way", way)}


def history() -> list[VersionedDocument]:
    rows = VersionedDocument.objects.filter(kind="priority", key="default").select_related("created_by")
    return list(rows.prefetch_related("approvals__person").order_by("-number")[:20])


def open_number() -> int:
    """The draft or proposal that is open; 0 for none."""
    rows = VersionedDocument.objects.filter(kind="priority", key="default", state__in=("draft", "proposed"))
    return rows.order_by("-number").values_list("number", flat=True).first() or 0
