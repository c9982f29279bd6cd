"""Whether an alert still holds (C16a). Upper floors register how for their kinds: alerts know no clocks."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence

from jiying.alerts.models import Alert
from jiying.base import subjects

Check = Callable[[Sequence[Alert]], Collection[int]]
CHECKS: dict[str, Check] = {}
_SETTLED = {Alert.State.WITHDRAWN: "withdrawn", Alert.State.ACKNOWLEDGED: "acknowledged"}


def register(kind_prefix: str, still_true: Check) -> None:
    """`still_true(alerts)` returns the ids of those whose reason holds; asked for kinds that begin with the prefix."""
    CHECKS[kind_prefix] = still_true


def passed(alerts: Sequence[Alert]) -> dict[int, str]:
    """{alert id: code of TERMS["withheld"]} of those whose reason has passed, cheapest reason first."""
    gone: dict[int, str] = {a.pk: _SETTLED[Alert.State(a.state)] for a in alerts if a.state in _SETTLED}
    by_kind: dict[str, list[Alert]] = defaultdict(list)
    for alert in alerts:
        by_kind[alert.subject_kind].append(alert)
    for kind, of_kind in by_kind.items():
        alive = set(subjects.kind(kind).still_true({a.subject_id for a in of_kind}))
        for alert in of_kind:
            if alert.subject_id not in alive:
                gone.setdefault(alert.pk, "subject_over")
    for prefix, check in CHECKS.items():
        asked = [a for a in alerts if a.kind.startswith(prefix) and a.pk not in gone]
        true = set(check(asked)) if asked else set()
        gone.update({a.pk: "reason_passed" for a in asked if a.pk not in true})
    return gone
