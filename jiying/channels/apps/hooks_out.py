"""Web hooks going out: the kind of connection that a subscription is, its reader, its sweep, and its alert."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from jiying.base import connections, due, outgoing, periodic, subjects, tails, texts
from jiying.base.actor import Actor
from jiying.base.connections import Failed, Field, Kind, Open
from jiying.base.models import Connection
from jiying.base.pages import connections as pages
from jiying.base.policies import has
from jiying.channels.models import HookDelivery
from jiying.channels.services import hooks_out
from jiying.core import hook_events


def wire() -> None:
    connections.register(HOOK_OUT)
    pages.MORE.append(("hooks_out", _l("Web hooks sent"), "hooks_out:log"))
    subjects.register(SUBJECT)
    tails.register(hooks_out.READER)
    due.register(due.Sweep("hooks_out", HookDelivery, hooks_out.serve, networked=True, lanes=("connection_id",)))
    periodic.register("channels.hooks_out", 86_400, hooks_out.tidy)


def _events() -> list[tuple[str, Any]]:
    return [(event, texts.term("hook_event", event)) for event in hook_events.EVENTS]


def _test(open: Open) -> str:
    """A signed ping: no event, and no ticket."""
    now = timezone.now()
    ping = {"id": f"ping-{int(now.timestamp())}", "type": hook_events.PING, "position": 0, "at": now.isoformat()}
    try:
        answer = hooks_out.post(open, {**ping, "ticket": "", "data": {}}, int(now.timestamp()))
    except (outgoing.Refused, outgoing.Unreachable) as error:
        raise Failed(str(error)) from error
    if not answer.is_ok:
        raise Failed(f"{answer.status} {answer.text[:300]}".strip())
    return _("The subscriber answered %(status)s.") % {"status": answer.status}


def _more(open: Open, _now: datetime) -> Sequence[tuple[Any, str]]:
    waiting = HookDelivery.objects.filter(connection_id=open.pk, wake_at__isnull=False).count()
    return [
        (_l("Events that wait"), str(waiting)),
        (_l("Log of calls"), f"{reverse('hooks_out:log')}?connection={open.code}"),
    ]


HOOK_OUT = Kind(
    hooks_out.KIND,
    _l("Subscription"),
    "hooks",
    fields=(
        Field("url", _l("Address"), "url", required=True),
        Field("events", _l("Chosen events"), "lines", required=True, default=[], choices=_events),
        Field(
            "with_people", _l("With names"), "tick", default=False,
            hint=_l("Of the customer, the agent and who did it. Off: numbers and codes only."),
        ),
    ),
    secrets=(
        Field("secret", _l("Signing secret"), required=True, hint=_l("Both sides know it; calls are signed with it.")),
    ),
    hint=_l("Signed calls when something happens to tickets; the log tells what came of each."),
    test=_test,
    more=_more,
)  # fmt: skip


# --- as a kind of subject: what alerts about a connection need -------------------------------------------------------


def _describe(ids: Collection[int]) -> Mapping[int, subjects.Described]:
    rows = Connection.objects.filter(pk__in=ids)
    return {row.pk: subjects.Described(row.name, "", reverse("connection", args=[row.code])) for row in rows}


def _visible(actor: Actor, _connection_id: int) -> bool:
    return has(actor, connections.RIGHT)


SUBJECT = subjects.Kind(
    name="connection",
    lock=lambda ids, skip_locked: Connection.objects.select_for_update(skip_locked=skip_locked).in_bulk(ids),
    visible=_visible,
    describe=_describe,
    still_true=lambda ids: set(Connection.objects.filter(pk__in=ids, active=False).values_list("pk", flat=True)),
)
