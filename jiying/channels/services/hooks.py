"""Inbound hooks at work: a verified call is kept first, then acted on by the worker, whole or not at all.

What cannot be acted on stays with its reason, where people see it and try it again after mending. Which kinds of
connection have a door, and what a call of theirs does, is registered in `AppConfig.ready`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import translation
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from jiying.base import connections, due, journal, sealing
from jiying.base.actor import Actor
from jiying.base.connections import RIGHT, Open
from jiying.base.errors import Conflict, NotFound, Refused
from jiying.base.policies import require
from jiying.base.texts import term
from jiying.base.transactions import short
from jiying.channels.models import HookCall
from jiying.core import hooks as core
from jiying.core.hooks import Came, Unverified, Verified
from jiying.desk.models import Customer, Ticket

KIND = "hook_call"
State = HookCall.State
WINDOW = timedelta(days=7)  # how long a repeat is known: longer than any side tries again
KEPT = timedelta(days=90)  # what could not be acted on
REFUSAL_S = 24 * 3600
_EVERY_S = 20  # a stranger at the door writes one row in so many seconds at most


class Unusable(Exception):
    """A call that cannot be acted on, with a code of `texts` (term `hook_reason`)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Effect:
    """What a call was about; nothing where there was nothing to do."""

    ticket: Ticket | None = None
    customer: Customer | None = None
    did: bool = True


@dataclass(frozen=True, slots=True)
class Door:
    """How calls of a kind are verified, and what one does (in the caller's transaction; raises Unusable or Refused).

    `answer` is what the other side wants to hear: its body.
    """

    scheme: str
    keys: Callable[[Open], Mapping[str, str]]
    act: Callable[[Open, bytes, datetime], Effect]
    answer: str = "{}"


DOORS: dict[str, Door] = {}


def address(found: Open) -> str:
    """The address to give to the other side."""
    return settings.BASE_URL + reverse("hooks:come", args=[found.kind, found.code])


def refusal_text(code: str, at_s: float) -> str:
    return _("%(at)s: %(why)s") % {"at": moment(datetime.fromtimestamp(at_s, UTC)), "why": term("hook_refusal", code)}


def moment(at: datetime) -> str:
    return date_format(localtime(at), "m-d H:i")


def door_facts(found: Open, now: datetime) -> list[tuple[Any, str]]:
    """What stands beside a connection that has a door: its address, and the last call that was turned away."""
    facts: list[tuple[Any, str]] = [(_l("Address for the other side"), address(found))]
    if refused := last_refusal(found):
        facts.append((_l("Last call turned away"), refusal_text(*refused)))
    return facts


# --- taken in --------------------------------------------------------------------------------------------------------


def verify(found: Open, came: Came, now: datetime) -> Verified:
    """Raises Unverified; the reason is kept for the administrator."""
    door = DOORS[found.kind]
    try:
        return core.verify(door.scheme, came, door.keys(found), int(now.timestamp()))
    except Unverified as refused:
        _note_refusal(found, refused.code, now)
        raise


def _note_refusal(found: Open, code: str, now: datetime) -> None:
    if cache.add(f"hook.said:{found.pk}", 1, _EVERY_S):
        cache.set(f"hook.refused:{found.pk}", [code, now.timestamp()], REFUSAL_S)


def last_refusal(found: Open) -> tuple[str, float] | None:
    """(code, instant) of the last call that was turned away within a day."""
    kept = cache.get(f"hook.refused:{found.pk}")
    return (str(kept[0]), float(kept[1])) if kept else None


def take_in(found: Open, verified: Verified, now: datetime) -> bool:
    """Keep a call, to be acted on within a second; False if it is known already."""
    if HookCall.objects.filter(connection_id=found.pk, key=verified.key).exists():
        return False
    try:
        _keep(found, verified, now)
    except IntegrityError:  # the same one in this very moment, or its connection is just being removed
        return False
    connections.succeeded(found.pk, now)
    return True


@short
def _keep(found: Open, verified: Verified, now: datetime) -> None:
    body = sealing.seal(verified.body.decode("utf-8", "replace").replace("\x00", ""))
    HookCall.objects.create(
        connection_id=found.pk, kind=found.kind, key=verified.key, body=body, received_at=now, wake_at=now
    )


def keep_pulled(connection_id: int, kind: str, told: Sequence[tuple[str, str]], now: datetime) -> None:
    """Keep what was pulled, (id of the other side, body) each, as calls are kept; what is known already stays as it is.

    In the caller's transaction: what says how far was pulled must be kept by the same one.
    """
    rows = [
        HookCall(
            connection_id=connection_id,
            kind=kind,
            key=core.key_of_id(told_id) if told_id else core.key_of_body(body),
            body=sealing.seal(body.replace("\x00", "")),
            received_at=now,
            wake_at=now,
        )
        for told_id, body in told
    ]
    HookCall.objects.bulk_create(rows, ignore_conflicts=True)


# --- acted on --------------------------------------------------------------------------------------------------------


def serve(ids: Sequence[int], now: datetime) -> int:
    """Act on due calls, in the caller's transaction."""
    claimed = due.claim(HookCall, ids, now)
    for call in HookCall.objects.filter(pk__in=claimed).order_by("pk"):
        with translation.override(settings.LANGUAGE_CODE):  # what is written is kept, in the language of the site
            _serve(call, now)
    return len(claimed)


def _serve(call: HookCall, now: datetime) -> None:
    call.handled_at, call.fault = now, {}
    try:
        with transaction.atomic():
            effect = _act(call, now)
    except Unusable as reason:
        call.state, call.fault = State.REFUSED, {"reason": reason.code}
    except Refused as refused:
        first = refused.faults[0]
        told = {name: str(value) for name, value in first.params.items()}
        call.state, call.fault = State.REFUSED, {"code": first.code, "params": told}
    else:
        call.state = State.DONE if effect.did else State.NOTHING
        call.ticket, call.customer = effect.ticket, effect.customer or call.customer
    call.save()


def _act(call: HookCall, now: datetime) -> Effect:
    found = connections.open_by_id(call.connection_id) if call.connection_id else None
    if found is None or found.kind not in DOORS:
        raise Unusable("connection_off")
    body = sealing.unseal(call.body) if call.body else ""
    if not body:
        raise Unusable("no_body")
    return DOORS[found.kind].act(found, body.encode(), now)


@short
def retry(*, actor: Actor, call_id: int, now: datetime) -> HookCall:
    """Act once more on a call that was refused, after somebody has mended what was missing."""
    require(actor, RIGHT)
    call = HookCall.objects.select_for_update(of=("self",)).filter(pk=call_id).first()
    if call is None:
        raise NotFound(KIND, call_id)
    if (call.state != State.REFUSED and call.parked_at is None) or not call.body:
        raise Conflict.one("hook_not_again")
    call.state, call.fault, call.last_error = State.WAITING, {}, ""
    call.wake_at, call.parked_at, call.attempts = now, None, 0
    call.save()
    journal.record(actor, [journal.Fact(KIND, call.pk, f"{KIND}.retried", now)], now=now)
    return call


# --- not kept --------------------------------------------------------------------------------------------------------


def drop_old(at: datetime) -> None:
    """What was done after the time in which it might come again; what was not, later."""
    done = HookCall.objects.filter(wake_at=None, received_at__lt=at - WINDOW)
    done.filter(state__in=(State.DONE, State.NOTHING)).delete()
    HookCall.objects.filter(wake_at=None, received_at__lt=at - KEPT).delete()


def erase(customer: Customer) -> None:
    """The calls of a customer, and those that led to nobody but name their phone or e-mail, keep their time alone."""
    theirs = [text for text in (customer.phone, customer.email, customer.ref) if text]
    loose = HookCall.objects.filter(customer=None).exclude(body="").values_list("pk", "body")
    found = [
        pk for pk, body in loose.iterator() if (plain := sealing.unseal(body)) and any(text in plain for text in theirs)
    ]
    theirs_now = Q(customer=customer) | Q(customer__merged_into=customer)
    HookCall.objects.filter(theirs_now).update(body="", fault={}, last_error="")
    HookCall.objects.filter(pk__in=found).update(body="", fault={}, last_error="")
