"""Reads what comes in: bytes to JSON, and what a schema found wrong to the house's faults, in words of the caller.

Whatever the bytes are, the answer is a refusal that says where and how to mend it, never a failure.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _
from ninja.parser import Parser as NinjaParser
from pydantic_core import PydanticCustomError

from jiying.base.errors import Fault, Invalid, Refused

# In JSON, what no database can store as text can only come as an escape.
_ESCAPED = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_BAD = re.compile("[\x00\ud800-\udfff]")


class UnknownMediaType(Refused):
    """The body is not JSON."""

    status = 415
    title = "wrong_media_type"


class Unreadable(Refused):
    """The body is no JSON text in UTF-8."""

    status = 400
    title = "unreadable"


class Parser(NinjaParser):
    """JSON bodies and query strings, checked for what no field may hold."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        kind = request.content_type or ""
        if kind != "application/json" and not kind.endswith("+json"):
            raise UnknownMediaType(Fault("", "wrong_media_type", {"type": kind[:80] or "?"}))
        body = request.body
        try:
            document = json.loads(body.decode("utf-8-sig"), parse_constant=_no_number, parse_float=_finite)
        except UnicodeDecodeError:
            raise Unreadable(Fault("", "bad_encoding")) from None
        except (ValueError, RecursionError) as error:
            raise Unreadable(Fault("", "bad_json", {"why": str(error)[:120]})) from None
        if _ESCAPED.search(body) and (faults := [Fault(path, "bad_character") for path in _bad_places(document)]):
            raise Invalid(*faults)
        return document  # type: ignore[no-any-return]

    def parse_querydict(
        self, data: "MultiValueDict[str, str]", list_fields: list[str], request: HttpRequest
    ) -> dict[str, Any]:
        bad = [name for name, values in data.lists() if any(_BAD.search(text) for text in (name, *values))]
        if bad:
            raise Invalid(*(Fault(_BAD.sub("?", name), "bad_character") for name in bad))
        return super().parse_querydict(data, list_fields, request)


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"{text[:20]} is too large")
    return number


def _bad_places(document: Any) -> Iterator[str]:
    """Paths of the texts that hold a NUL or half a surrogate pair; without recursion, since documents may be deep."""
    waiting = [("", document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, str) and _BAD.search(value):
            yield path
        elif isinstance(value, dict):
            waiting += [(_join(path, name), x) for name, x in value.items()]
            waiting += [(_join(path, name), name) for name in value if _BAD.search(name)]
        elif isinstance(value, list):
            waiting += [(_join(path, str(n)), x) for n, x in enumerate(value)]


def _join(path: str, name: str) -> str:
    name = _BAD.sub("?", name)
    return f"{path}.{name}" if path else name


# --- what a schema found wrong ---------------------------------------------------------------------------------------

OWN = "fault_"  # opens the type of an error that a schema of ours raises; the rest is one of our codes
_EXPECTED = {
    "string_type": _("text"),
    "string_unicode": _("text"),
    "list_type": _("a list"),
    "dict_type": _("an object"),
    "model_type": _("an object"),
    "model_attributes_type": _("an object"),
    "bool_type": _("true or false"),
    "bool_parsing": _("true or false"),
}
_NUMBER = ("int_type", "int_parsing", "int_from_float", "int_parsing_size", "float_type", "float_parsing")
_TOO_MUCH = {"string_too_long": "too_long", "too_long": "too_many"}
_BOUNDS = {"greater_than_equal": ("too_low", "ge"), "less_than_equal": ("too_high", "le")}


def own_error(code: str, **params: Any) -> PydanticCustomError:
    """The error that a schema raises for one of our own faults."""
    return PydanticCustomError(f"{OWN}{code}", "{code}", {"code": code, **params})


def fault_of(field: str, error: Mapping[str, Any]) -> Fault:
    """One error of a schema as a fault of ours."""
    kind, context = str(error["type"]), error.get("ctx", {})
    value = _shown(error.get("input"))
    if kind.startswith(OWN):
        return Fault(field, kind.removeprefix(OWN), context)
    if kind in ("missing", "string_too_short", "too_short"):
        return Fault(field, "required", {"field": field.rpartition(".")[2] or _("the body")})
    if kind in _TOO_MUCH:
        length = len(error.get("input") or "")
        return Fault(field, _TOO_MUCH[kind], {"limit": context["max_length"], "length": length})
    if kind == "literal_error":
        return Fault(field, "unknown_value", {"value": value, "known": _listed(str(context["expected"]))})
    if kind in _BOUNDS:
        code, bound = _BOUNDS[kind]
        return Fault(field, code, {"limit": context[bound], "value": value})
    return _other(field, kind, value, context, str(error["msg"]))


def _other(field: str, kind: str, value: str, context: Mapping[str, Any], message: str) -> Fault:
    if kind == "extra_forbidden":
        return Fault(field, "unknown_field", {"field": field})
    if kind in _NUMBER:
        return Fault(field, "not_a_number", {"value": value})
    if kind in _EXPECTED:
        return Fault(field, "wrong_type", {"expected": _EXPECTED[kind]})
    if kind.startswith(("datetime_", "date_", "timezone_")):
        return Fault(field, "bad_time", {"value": value})
    if kind == "string_pattern_mismatch":
        return Fault(field, "wrong_form", {"value": value, "form": context["pattern"]})
    return Fault(field, "schema", {"message": message[:200]})


def _shown(value: object) -> str:
    return _BAD.sub("?", str(value))[:80]


def _listed(expected: str) -> str:
    """pydantic's "'a', 'b' or 'c'" as "a, b, c"."""
    return expected.replace(" or ", ", ").replace("'", "")
