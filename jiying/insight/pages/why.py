"""Beside a promise's figure: why it fell, which step holds it, and what another promise would have meant."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _

from jiying.base.texts import term
from jiying.core.standards import TICKET_METRICS
from jiying.desk.policies import Scope
from jiying.insight.queries import why, wording
from jiying.insight.queries.counting import NONE
from jiying.insight.queries.reports import Wanted
from jiying.process.queries.asked import Wanted as MapWanted


def panel(part: Scope, key: str, wanted: Wanted, now: datetime) -> dict[str, Any] | None:
    """What the page of a figure shows of it; None where the figure is no promise, or nothing was missed."""
    if not why.is_asked(key):
        return None
    found = why.why(part, key, wanted, now)
    figure = found.figure
    return {
        "missed": found.missed,
        "text": wording.told(key, figure.value),
        "before": wording.told(key, figure.before) if figure.before is not None else "",
        "change": wording.change(figure),
        "better": figure.better,
        "missed_url": _cases(wanted, key),
        "parts": [
            {
                "heading": _("Breach causes") if one.by == "cause" else term("report_filter", one.by),
                "by": one.by,
                "lines": [(line, _cases(wanted, key, **{one.by: line.value})) for line in one.items],
            }
            for one in found.parts
        ],
        "map_url": _map(wanted),
        "replay": _replay(key, wanted),
    }


def _cases(wanted: Wanted, key: str, **more: str) -> str:
    return wording.address("reports:cases", wanted, kpi=key, part="miss", **more)


def _map(wanted: Wanted) -> str:
    """The process map of the same tickets, as far as it can be cut to them."""
    where = {name: value for name, value in wanted.where if name in ("channel", "priority", "team") and value != NONE}
    about = {"tab": "bottlenecks", "days": "range", "from": wanted.period.first, "to": wanted.period.last, **where}
    return f"{reverse('process:map')}?{urlencode(about)}"


def _replay(key: str, wanted: Wanted) -> dict[str, str] | None:
    """The fields of a replay of the same tickets under another promise."""
    metric = key.partition(".")[2]
    if metric not in TICKET_METRICS:
        return None
    where = {name: value for name, value in wanted.where if name in ("channel", "priority")}
    return {
        "since": wanted.period.first.isoformat(), "until": wanted.period.last.isoformat(), "metric": metric, **where
    }  # fmt: skip


def of_map(asked: MapWanted) -> tuple[str, str]:
    """From the map to a replay of the same tickets."""
    about = {"since": asked.first, "until": asked.last, "channel": asked.channel, "priority": asked.priority}
    given = urlencode({name: value for name, value in about.items() if value})
    return _("What if?"), reverse("replays:index") + (f"?{given}" if given else "")
