"""What the desk adds to people's pages: the load in the list, places by channel, open tickets before a farewell."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlencode

from django.db.models import Sum
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from jiying.base import personnel
from jiying.base.actor import Actor
from jiying.base.policies import has
from jiying.core.standards import CHANNELS
from jiying.desk.models import AgentLoad, Ticket

MOST = 200  # places on one channel


def _cells(ids: Collection[int]) -> Mapping[int, str]:
    """Open tickets of all places, for each person who has any place."""
    rows = AgentLoad.objects.filter(person_id__in=ids).values("person_id")
    sums = rows.annotate(n_open=Sum("n_open"), places=Sum("capacity")).order_by("person_id")
    return {row["person_id"]: f"{row['n_open']} / {row['places']}" for row in sums}


def _section(actor: Actor, person_id: int) -> tuple[str, dict[str, Any]] | None:
    rows = {row.channel: row for row in AgentLoad.objects.filter(person_id=person_id)}
    may_edit = has(actor, personnel.RIGHT)
    if not rows and not may_edit:
        return None
    lines = [(channel, rows.get(channel)) for channel in CHANNELS]
    return "desk/capacity.html", {"lines": lines, "may_edit": may_edit, "person_id": person_id, "most": MOST}


def _holdings(person_id: int) -> list[personnel.Holding]:
    n = Ticket.objects.filter(assignee_id=person_id, ended_at__isnull=True).count()
    if not n:
        return []
    words = ngettext("%(n)s open ticket is theirs.", "%(n)s open tickets are theirs.", n) % {"n": n}
    return [personnel.Holding(words, f"{reverse('desk:tickets')}?{urlencode({'assignee': person_id})}")]


EXTENSION = personnel.Extension(_("Open / places"), _cells, _section, _holdings)
