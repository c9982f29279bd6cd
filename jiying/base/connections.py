"""Connections with the world (mailboxes, robots, hooks, gateways): what kinds there are, and which are configured.

A feature registers its kinds in `AppConfig.ready` and asks for the open ones; pages and API are made from the fields.
Secrets are sealed and never read back; they must be given again when the place that they are sent to changes.
"""

import dataclasses
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.db.models import F, Q

from jiying.base import journal, sealing
from jiying.base.actor import Actor
from jiying.base.errors import Conflict, Fault, Invalid, NotFound
from jiying.base.models import Connection
from jiying.base.policies import require
from jiying.base.transactions import short

RIGHT = "system.connections"
GROUPS = ("mail", "chat", "phone", "social", "alerts", "hooks", "systems")
MAX_TEXT, MAX_LINES, MAX_ERROR = 2_000, 200, 500
QUIET = timedelta(seconds=20)  # a success is written down at most this often: the state is for people
_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`~-]+:[ \t]*[!-~][ -~]*")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?")


class Failed(Exception):
    """An attempt (or a test) that did not work, with a sentence for people."""


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in. `kind`: text | prose | url | host | number | choice | tick | lines (a list of texts).

    A secret may be `headers` (lines “Name: value”). `url` and `host` say where secrets go.
    `choices` are (value, label), or a function that gives them.
    """

    name: str
    label: Any
    kind: str = "text"
    required: bool = False
    default: Any = ""
    hint: Any = ""
    low: int = 0
    high: int = 0
    choices: Sequence[tuple[str, Any]] | Callable[[], Sequence[tuple[str, Any]]] = ()

    @property
    def empty(self) -> Any:
        """What an absent value is."""
        return {"tick": False, "lines": [], "number": None}.get(self.kind, "")

    @property
    def options(self) -> list[tuple[str, Any]]:
        return list(self.choices() if callable(self.choices) else self.choices)


@dataclass(frozen=True, slots=True)
class Open:
    """A connection that is switched on, ready to be spoken."""

    pk: int
    kind: str
    code: str
    name: str
    options: Mapping[str, Any]
    secrets: Mapping[str, str] = dataclasses.field(repr=False)
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Kind:
    """What a feature can speak. `test` tries the real thing and says what it reached, or raises `Failed`; `more` adds
    lines of live state (label, value), such as the address to give to the other side."""

    code: str
    label: Any
    group: str
    fields: tuple[Field, ...]
    secrets: tuple[Field, ...] = ()
    hint: Any = ""
    check: Callable[[Mapping[str, Any]], Sequence[Fault]] = lambda _options: ()
    test: Callable[[Open], str] | None = None
    more: Callable[[Open, datetime], Sequence[tuple[Any, str]]] = lambda _open, _now: ()


@dataclass(frozen=True, slots=True)
class ConnectionData:
    """What can be changed. An empty secret keeps the old one; `forget` names those that go."""

    name: str
    options: Mapping[str, Any]
    secrets: Mapping[str, str] = dataclasses.field(default_factory=dict, repr=False)
    forget: Sequence[str] = ()
    active: bool = True


KINDS: dict[str, Kind] = {}


def register(*kinds: Kind) -> None:
    KINDS.update({kind.code: kind for kind in kinds})


# --- who speaks them -------------------------------------------------------------------------------------------------


def opened(*kinds: str) -> list[Open]:
    """Those of these kinds that are switched on, by name."""
    rows = Connection.objects.filter(kind__in=kinds, active=True).order_by("name", "pk")
    return [opened_row(row) for row in rows]


def open_one(code: str) -> Open | None:
    row = Connection.objects.filter(code=code, active=True).first()
    return opened_row(row) if row else None


def open_by_id(pk: int) -> Open | None:
    row = Connection.objects.filter(pk=pk, active=True).first()
    return opened_row(row) if row else None


def opened_row(row: Connection) -> Open:
    kind = KINDS.get(row.kind)
    given = {one.name: one.default or one.empty for one in kind.fields} if kind else {}
    secrets = {name: sealing.unseal(sealed) or "" for name, sealed in row.sealed.items()}
    return Open(row.pk, row.kind, row.code, row.name, {**given, **row.options}, secrets, row.revision)


def succeeded(pk: int, now: datetime, lag_s: float | None = None) -> None:
    """It worked just now; `lag_s` is how far behind the world it is."""
    worth = Q(n_failed__gt=0) | Q(ok_at=None) | Q(ok_at__lt=now - QUIET)
    Connection.objects.filter(worth, pk=pk).update(ok_at=now, n_failed=0, last_error="", lag_s=lag_s)


def failed(pk: int, error: str, now: datetime) -> None:
    """It did not work just now; the sentence is shown to administrators."""
    Connection.objects.filter(pk=pk).update(failed_at=now, last_error=error[:MAX_ERROR], n_failed=F("n_failed") + 1)


# --- who configures them ---------------------------------------------------------------------------------------------


@short
def save(
    *, actor: Actor, kind: str, code: str, data: ConnectionData, revision: int | None, now: datetime
) -> Connection:
    """A new connection (`revision` None), or another configuration of one; its kind and code stay."""
    require(actor, RIGHT)
    spoken = kind_of(kind)
    row = Connection.objects.select_for_update().filter(code=code).first()
    if revision is None and row is not None:
        raise Conflict.one("duplicate", "code", value=code)
    if revision is not None and (row is None or row.kind != kind):
        raise NotFound("connection", code)
    if row is not None and row.revision != revision:
        raise Conflict.one("stale")
    row = row or Connection(kind=kind, code=code, created_at=now)
    options, faults = _checked(spoken, data.options)
    faults += _named(code, data.name)
    sealed, told = _sealed(spoken, row, options, data, faults)
    if faults:
        raise Invalid(*faults)
    before = {"name": row.name, "active": row.active, **row.options} if row.pk else {}
    row.name, row.options, row.sealed, row.active = data.name.strip(), options, sealed, data.active
    row.revision += 1
    row.n_failed, row.last_error = 0, ""
    row.save()
    after = {"name": row.name, "active": row.active, **options}
    changes = {name: [before.get(name), value] for name, value in after.items() if before.get(name) != value}
    if changes or told:
        verb = "changed" if before else "created"
        about = {"kind": kind, "code": code, "changes": changes, **({"secrets": told} if told else {})}
        journal.record(actor, [journal.Fact("connection", row.pk, f"connection.{verb}", now, about)], now=now)
    return row


def test(*, actor: Actor, code: str, now: datetime) -> str:
    """Try the stored configuration on the real thing, switched on or not, outside any transaction; what was reached.

    Raises `Failed` with why not.
    """
    require(actor, RIGHT)
    row = Connection.objects.filter(code=code).first()
    if row is None:
        raise NotFound("connection", code)
    kind = kind_of(row.kind)
    if kind.test is None:
        raise Conflict.one("no_test")
    try:
        reached = kind.test(opened_row(row))
    except Failed as error:
        failed(row.pk, str(error), now)
        raise
    Connection.objects.filter(pk=row.pk).update(ok_at=now, n_failed=0, last_error="")
    return reached


def kind_of(code: str) -> Kind:
    if code not in KINDS:
        raise NotFound("connection_kind", code)
    return KINDS[code]


def _named(code: str, name: str) -> list[Fault]:
    faults = [] if _CODE.fullmatch(code) else [Fault("code", "bad_key", {"value": code[:40]})]
    if not name.strip():
        faults.append(Fault("name", "required", {"field": "name"}))
    if len(name) > 80:
        faults.append(Fault("name", "too_long", {"limit": 80, "length": len(name)}))
    return faults


def _checked(kind: Kind, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[Fault]]:
    """All options of the kind with their values, and what is wrong with those that were given."""
    known = {one.name: one for one in kind.fields}
    faults = [Fault(name, "unknown_field", {"field": name[:40]}) for name in given if name not in known]
    options = {}
    for name, one in known.items():
        value = given.get(name, one.default or one.empty)
        value = value.strip() if isinstance(value, str) else value
        options[name] = value
        if fault := _fault(one, value):
            faults.append(fault)
    if not faults:
        faults += kind.check(options)
    return options, faults


def _fault(one: Field, value: Any) -> Fault | None:
    if value == one.empty:
        return Fault(one.name, "required", {"field": str(one.label)}) if one.required else None
    code, params = _CHECKS.get(one.kind, _text)(one, value) or ("", {})
    return Fault(one.name, code, params) if code else None


_Wrong = tuple[str, dict[str, Any]] | None


def _text(one: Field, value: Any) -> _Wrong:
    if not isinstance(value, str):
        return "wrong_type", {"expected": "text"}
    limit = MAX_TEXT if one.kind == "prose" else 300
    return ("too_long", {"limit": limit, "length": len(value)}) if len(value) > limit else None


def _url(one: Field, value: Any) -> _Wrong:
    if wrong := _text(one, value):
        return wrong
    try:
        parts = urlsplit(value)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_good = False
    return (
        None if is_good and not re.search(r"\s", value) else ("wrong_form", {"value": value[:80], "form": "https://…"})
    )


def _host(one: Field, value: Any) -> _Wrong:
    if wrong := _text(one, value):
        return wrong
    return None if _HOST.fullmatch(value) else ("wrong_form", {"value": value[:80], "form": "mail.example.com"})


def _number(one: Field, value: Any) -> _Wrong:
    if not isinstance(value, int) or isinstance(value, bool):
        return "not_a_number", {"value": str(value)[:20]}
    return None if one.low <= value <= one.high else ("out_of_range", {"low": one.low, "high": one.high})


def _choice(one: Field, value: Any) -> _Wrong:
    known = [code for code, _label in one.options]
    return None if value in known else ("unknown_value", {"value": str(value)[:40], "known": ", ".join(known)})


def _tick(one: Field, value: Any) -> _Wrong:
    return None if isinstance(value, bool) else ("wrong_type", {"expected": "true, false"})


def _lines(one: Field, value: Any) -> _Wrong:
    if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
        return "wrong_type", {"expected": "a list of texts"}
    if len(value) > MAX_LINES:
        return "too_many", {"limit": MAX_LINES, "length": len(value)}
    longest = max(map(len, value), default=0)
    if one.options and (unknown := [line for line in value if line not in dict(one.options)]):
        return "unknown_value", {"value": unknown[0][:40], "known": ", ".join(dict(one.options))}
    return ("too_long", {"limit": 300, "length": longest}) if longest > 300 else None


def _headers(_one: Field, value: Any) -> _Wrong:
    """A secret: what is wrong is told by its line, never by its text."""
    lines = [line for line in str(value).splitlines() if line.strip()]
    bad = next((n for n, line in enumerate(lines, 1) if not _HEADER.fullmatch(line.strip())), 0)
    return ("bad_header", {"n": bad}) if bad else None


_CHECKS: dict[str, Callable[[Field, Any], _Wrong]] = {
    "url": _url,
    "host": _host,
    "number": _number,
    "choice": _choice,
    "tick": _tick,
    "lines": _lines,
    "headers": _headers,
}


def _sealed(
    kind: Kind, row: Connection, options: Mapping[str, Any], data: ConnectionData, faults: list[Fault]
) -> tuple[dict[str, str], list[str]]:
    """The secrets to be kept, and the names of those that changed. None follows to another place unless given again."""
    known = {one.name: one for one in kind.secrets}
    unknown = [name for name in (*data.secrets, *data.forget) if name not in known]
    faults += [Fault(name, "unknown_field", {"field": name[:40]}) for name in unknown]
    faults += [
        Fault(name, "too_long", {"limit": MAX_TEXT, "length": len(text)})
        for name, text in data.secrets.items()
        if len(text) > MAX_TEXT
    ]
    places = [one.name for one in kind.fields if one.kind in ("url", "host")]
    has_moved = bool(row.pk) and any(row.options.get(name) != options.get(name) for name in places)
    given = {name: text for name, text in data.secrets.items() if text and name in known}
    headers = [name for name in given if known[name].kind == "headers"]
    faults += [fault for name in headers if (fault := _fault(known[name], given[name]))]
    kept = {name: text for name, text in row.sealed.items() if name in known and name not in data.forget}
    if has_moved:
        faults += [Fault(name, "secret_again") for name in kept if name not in given]
    sealed = kept | {name: sealing.seal(text) for name, text in given.items()}
    faults += [
        Fault(name, "required", {"field": str(one.label)})
        for name, one in known.items()
        if one.required and name not in sealed
    ]
    return sealed, sorted({*given, *(name for name in data.forget if name in row.sealed)})
