"""Intake forms (D1a): which fields a request is asked for, what is filled in, what is missing or wrong. Pure.

A field shows on its channels, and when the field it hangs on has one of the named values.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from jiying.core.calendars import Problem

KINDS = ("text", "number", "choice", "date", "phone", "order")
CHANNELS = ("phone", "chat", "email", "social", "web", "other")
FILLS = ("", "customer.name", "customer.phone", "customer.email", "customer.ref", "customer.organisation", "last")
MAX_FIELDS, MAX_OPTIONS, MAX_TEXT, MAX_VALUE = 40, 40, 120, 2000
ORDER = r"[A-Za-z]{0,4}[0-9]{6,20}"  # where an order field names no pattern of its own
_KEY = re.compile(r"[a-z][a-z0-9_]{0,39}")
_PHONE = re.compile(r"[0-9+() -]{5,40}")
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_NAMES = frozenset(
    ("key", "label", "kind", "required", "options", "pattern", "when", "values", "channels", "fill", "hint"),
)


@dataclass(frozen=True, slots=True)
class FormField:
    """One thing asked. `when` and `values`: shown only if that field has one of these values."""

    key: str
    label: str
    kind: str = "text"
    required: bool = False
    options: tuple[str, ...] = ()
    pattern: str = ""
    when: str = ""
    values: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    fill: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class IntakeForm:
    """`strict` are the channels on which an incomplete request is refused; elsewhere it is marked."""

    fields: tuple[FormField, ...]
    strict: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with one field: `missing`, or a code of a fault with its parameters."""

    key: str
    code: str
    params: Mapping[str, Any]


def parse(body: Mapping[str, Any]) -> IntakeForm:
    """A form without problems."""
    fields = tuple(FormField(**_typed(field)) for field in body["fields"])
    return IntakeForm(fields, tuple(body.get("strict", ())))


def _typed(field: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in field.items()}


def shown(form: IntakeForm, channel: str, given: Mapping[str, Any]) -> list[FormField]:
    """The fields that are asked on a channel, given what is filled in so far."""
    return [f for f in form.fields if (not f.channels or channel in f.channels) and _is_wanted(f, given)]


def _is_wanted(field: FormField, given: Mapping[str, Any]) -> bool:
    return not field.when or str(given.get(field.when, "")).strip() in field.values


def filled(form: IntakeForm, given: Mapping[str, Any], known: Mapping[str, str]) -> dict[str, Any]:
    """What was given, and for empty fields what is known: by the field's `fill`, or `last:KEY` for the last answer."""
    values = {key: value.strip() if isinstance(value, str) else value for key, value in given.items()}
    for field in form.fields:
        source = f"last:{field.key}" if field.fill == "last" else field.fill
        if values.get(field.key) in (None, "") and (value := known.get(source, "")):
            values[field.key] = value
    return values


def check(form: IntakeForm, channel: str, values: Mapping[str, Any]) -> list[Wrong]:
    """Everything missing or wrong among the fields that are asked."""
    found = []
    for field in shown(form, channel, values):
        value = values.get(field.key)
        text = "" if value is None else str(value).strip()
        if text and (wrong := _wrong(field, text)):
            found.append(wrong)
        elif not text and field.required:
            found.append(Wrong(field.key, "required", {"field": field.label}))
    return found


def _wrong(field: FormField, text: str) -> Wrong | None:
    if len(text) > MAX_VALUE:
        return Wrong(field.key, "too_long", {"limit": MAX_VALUE, "length": len(text)})
    if field.kind == "number" and not _NUMBER.fullmatch(text):
        return Wrong(field.key, "no_number", {"value": text[:40]})
    if field.kind == "choice" and text not in field.options:
        return Wrong(field.key, "unknown_value", {"value": text[:40], "known": ", ".join(field.options)})
    if field.kind == "phone" and not _PHONE.fullmatch(text):
        return Wrong(field.key, "bad_phone", {"value": text[:40]})
    if field.kind == "date" and not _is_date(text):
        return Wrong(field.key, "no_date", {"value": text[:40]})
    pattern = field.pattern or (ORDER if field.kind == "order" else "")
    if pattern and not re.fullmatch(pattern, text):
        return Wrong(field.key, "wrong_form", {"value": text[:40], "form": field.hint or pattern})
    return None


def _is_date(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


# --- what is wrong with a form ---------------------------------------------------------------------------------------


def problems(body: Any) -> list[Problem]:
    """Everything wrong with the document of a form, by place."""
    fields = body.get("fields") if isinstance(body, Mapping) else None
    if not isinstance(fields, list) or not fields:
        return [Problem("fields", "required", {"field": "fields"})]
    if len(fields) > MAX_FIELDS:
        return [Problem("fields", "too_many", {"limit": MAX_FIELDS, "length": len(fields)})]
    found = _of_list("strict", body.get("strict", []), CHANNELS)
    before: dict[str, Mapping[str, Any]] = {}
    for n, field in enumerate(fields):
        path = f"fields.{n}"
        if not isinstance(field, Mapping) or not set(field) <= _NAMES:
            found.append(Problem(path, "wrong_type", {"expected": ", ".join(sorted(_NAMES))}))
            continue
        found += _of_field(path, field, before)
        before[str(field.get("key", ""))] = field
    return found


def _of_field(path: str, field: Mapping[str, Any], before: Mapping[str, Any]) -> list[Problem]:
    key = str(field.get("key", ""))
    found = []
    if not _KEY.fullmatch(key):
        found.append(Problem(f"{path}.key", "bad_field_key", {"value": key[:40]}))
    elif key in before:
        found.append(Problem(f"{path}.key", "duplicate", {"value": key}))
    label = field.get("label")
    if not isinstance(label, str) or not label.strip():
        found.append(Problem(f"{path}.label", "required", {"field": "label"}))
    found += _too_long(path, field)
    for name, known in (("kind", KINDS), ("fill", FILLS)):
        if field.get(name, known[0]) not in known:
            params = {"value": str(field[name])[:40], "known": ", ".join(filter(None, known))}
            found.append(Problem(f"{path}.{name}", "unknown_value", params))
    found += _of_list(f"{path}.channels", field.get("channels", []), CHANNELS)
    found += _options(path, field)
    found += _pattern(path, field.get("pattern", ""))
    if (when := field.get("when", "")) and when not in before:
        found.append(Problem(f"{path}.when", "no_field_before", {"value": str(when)[:40]}))
    if field.get("when") and not field.get("values"):
        found.append(Problem(f"{path}.values", "required", {"field": "values"}))
    return found


def _too_long(path: str, field: Mapping[str, Any]) -> list[Problem]:
    return [
        Problem(f"{path}.{name}", "too_long", {"limit": MAX_TEXT, "length": len(str(field[name]))})
        for name in ("label", "hint", "pattern")
        if len(str(field.get(name, ""))) > MAX_TEXT
    ]


def _options(path: str, field: Mapping[str, Any]) -> list[Problem]:
    options = field.get("options", [])
    if not isinstance(options, list | tuple) or any(not isinstance(o, str) or not o.strip() for o in options):
        return [Problem(f"{path}.options", "wrong_type", {"expected": "[ ]"})]
    if len(options) > MAX_OPTIONS:
        return [Problem(f"{path}.options", "too_many", {"limit": MAX_OPTIONS, "length": len(options)})]
    if field.get("kind") == "choice" and not options:
        return [Problem(f"{path}.options", "required", {"field": "options"})]
    return []


def _pattern(path: str, pattern: Any) -> list[Problem]:
    """A pattern must compile and hold no nested repetition, which could take for ever on a long text."""
    try:
        re.compile(pattern)
        good = not re.search(r"[*+}]\)?[*+{]|\)[*+{]", pattern)
    except (re.error, TypeError):
        good = False
    return [] if good else [Problem(f"{path}.pattern", "bad_pattern", {"value": str(pattern)[:40]})]


def _of_list(path: str, values: Any, known: Sequence[str]) -> list[Problem]:
    if not isinstance(values, list | tuple):
        return [Problem(path, "wrong_type", {"expected": "[ ]"})]
    return [
        Problem(path, "unknown_value", {"value": str(value)[:40], "known": ", ".join(known)})
        for value in values
        if value not in known
    ]
