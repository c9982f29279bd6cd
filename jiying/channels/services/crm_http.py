"""A CRM that speaks the small interface of docs/crm-openapi.json over HTTP: customers, orders, changes, notes.

Another CRM is another class with these methods. Talks only; writes nothing here. Raises `Failed` with a sentence.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import quote, urlencode

from django.utils.translation import gettext as _

from jiying.base import outgoing
from jiying.base.connections import Failed, Open

FIELDS = ("name", "phone", "email", "organisation", "address", "region", "tier")
PAGE, N_ORDERS = 100, 10
TIMEOUT_S = 6.0


class Moved(Exception):
    """The record was changed there since it was read."""


@dataclass(frozen=True, slots=True)
class Remote:
    """A customer as the CRM has it; `fields` are those of FIELDS that it knows of."""

    ref: str
    version: str
    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Order:
    """`total` in the currency's smallest unit; `state` in the CRM's own words."""

    number: str
    placed_at: datetime | None
    state: str
    total: int | None
    currency: str
    items: list[str]
    url: str

    @property
    def money(self) -> str:
        """The total as people write it."""
        sign = {"CNY": "¥"}.get(self.currency, f"{self.currency} ")
        return "" if self.total is None else f"{sign}{self.total / 100:,.2f}"


class Crm(Protocol):
    """What the house asks of a CRM, whichever it is."""

    def search(self, **keys: str) -> list[Remote]: ...
    def get(self, ref: str) -> Remote | None: ...
    def changed(self, cursor: str) -> tuple[list[Remote], str]: ...
    def orders(self, ref: str) -> list[Order]: ...
    def update(self, ref: str, version: str, fields: Mapping[str, str]) -> None: ...
    def note(self, ref: str, key: str, activity: Mapping[str, Any]) -> None: ...


@dataclass(frozen=True, slots=True)
class HttpCrm:
    """Speaks to one connection."""

    found: Open

    def search(self, **keys: str) -> list[Remote]:
        """Customers with this phone, e-mail or number."""
        return [_remote(one) for one in _list(self._ask("GET", f"/customers?{urlencode({**keys, 'limit': 5})}"))]

    def get(self, ref: str) -> Remote | None:
        answer = self._ask("GET", f"/customers/{quote(ref, safe='')}", missing=True)
        return None if answer is None else _remote(answer)

    def changed(self, cursor: str) -> tuple[list[Remote], str]:
        """Customers changed since the cursor, and the next one; the same cursor once nothing is left."""
        answer = self._ask("GET", f"/customers?{urlencode({'changed_since': cursor, 'limit': PAGE})}")
        return [_remote(one) for one in _list(answer)], str(answer.get("cursor") or cursor)[:200]

    def orders(self, ref: str) -> list[Order]:
        """The latest orders first."""
        answer = self._ask("GET", f"/customers/{quote(ref, safe='')}/orders?limit={N_ORDERS}", missing=True)
        return [_order(one) for one in _list(answer or {})[:N_ORDERS]]

    def update(self, ref: str, version: str, fields: Mapping[str, str]) -> None:
        """Write fields, if the record is still the version that was read; else Moved."""
        self._ask("PATCH", f"/customers/{quote(ref, safe='')}", dict(fields), {"If-Match": version})

    def note(self, ref: str, key: str, activity: Mapping[str, Any]) -> None:
        """Put an activity to the customer; the same key again changes nothing."""
        self._ask("PUT", f"/customers/{quote(ref, safe='')}/activities/{quote(key, safe='')}", dict(activity))

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        more: Mapping[str, str] | None = None,
        *,
        missing: bool = False,
    ) -> Any:
        headers = {"Accept": "application/json", "Authorization": f"Bearer {self.found.secrets['token']}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        url = str(self.found.options["url"]).rstrip("/") + path
        try:
            answer = outgoing.request(method, url, body=data, headers=headers | dict(more or {}), timeout_s=TIMEOUT_S)
        except outgoing.Refused as error:
            raise Failed(str(error)) from error
        except outgoing.Unreachable as error:
            raise Failed(_("The CRM does not answer: %(why)s") % {"why": error}) from error
        if answer.status == 412:
            raise Moved(path)
        if answer.status == 404 and missing:
            return None
        if not answer.is_ok:
            raise Failed(
                _("The CRM refused: %(status)s %(text)s") % {"status": answer.status, "text": answer.text[:200]}
            )
        return _read(answer)


def _read(answer: outgoing.Answer) -> Any:
    if answer.status == 204 or not answer.body:
        return {}
    try:
        found = json.loads(answer.text)
    except ValueError as error:
        raise Failed(_("The CRM answered with something that is not JSON.")) from error
    if answer.is_cut or not isinstance(found, dict):
        raise Failed(_("The CRM answered with something else than its interface says."))
    return found


def _list(answer: Mapping[str, Any]) -> list[Any]:
    items = answer.get("items", [])
    if not isinstance(items, list):
        raise Failed(_("The CRM answered with something else than its interface says."))
    return items


def _remote(one: Any) -> Remote:
    if not isinstance(one, dict) or not isinstance(one.get("ref"), str) or not one["ref"]:
        raise Failed(_("The CRM answered with something else than its interface says."))
    fields = {name: str(one[name]).strip() for name in FIELDS if isinstance(one.get(name), str)}
    return Remote(one["ref"][:80], str(one.get("version", ""))[:80], fields)


def _order(one: Any) -> Order:
    if not isinstance(one, dict):
        raise Failed(_("The CRM answered with something else than its interface says."))
    total, items = one.get("total"), one.get("items", [])
    url = str(one.get("url") or "")
    return Order(
        number=str(one.get("number", ""))[:80],
        placed_at=_instant(one.get("placed_at")),
        state=str(one.get("state", ""))[:40],
        total=total if isinstance(total, int) and not isinstance(total, bool) else None,
        currency=str(one.get("currency", "CNY"))[:3],
        items=[str(item)[:120] for item in items[:5]] if isinstance(items, list) else [],
        url=url[:500] if url.startswith("https://") else "",
    )


def _instant(text: Any) -> datetime | None:
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return at if at.tzinfo else None
