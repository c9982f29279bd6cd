"""What the worker would have computed before the doors to it are opened: a kept report, a finished replay."""

from typing import Any

from django.utils import timezone

from jiying.base.models import Job
from jiying.core.standards import TICKET_METRICS

A_REPORT: dict[str, Any] = {
    **{"kind": "day", "first": "2026-09-08", "last": "2026-09-08", "where": {}, "edges_s": [3600]},
    **dict.fromkeys(("since", "until", "at"), "2026-09-08T16:00:00Z"),
    **dict.fromkeys(("whole", "channels", "priorities", "agents", "handling", "causes"), ()),
}


def a_replay() -> int:
    """A finished replay of a period in which nothing was received."""
    draft = {"standard": 1, "calendar": "", "calendar_version": 0, "cell": None}
    params = {"draft": draft, "since": "2026-01-01T00:00:00+00:00", "until": "2026-01-02T00:00:00+00:00"}
    sides: dict[str, Any] = {side: {metric: [] for metric in TICKET_METRICS} for side in ("happened", "draft")}
    result = {"tickets": 0, "events": 0, "seconds": 0.1, "cells": [], "hours": {}, "broken": {}, **sides}
    made = Job.objects.create(kind="insight.replay", params=params, result=result, finished_at=timezone.now())
    return int(made.pk)
