"""What the frame of every page needs: who, navigation, number of new alerts, the server's clock."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from jiying.base import live, settings_store
from jiying.base.actor import Actor, of_person

# (key, label, icon, url name, right or rights of which one is enough, or None); features add theirs in AppConfig.ready.
NAVIGATION: list[tuple[str, Any, str, str, str | tuple[str, ...] | None]] = []
# The order of the rail, each with its letter for `g` + letter. A place that is not named here comes last, without one.
RAIL = {
    "work": "w",
    "asked": "q",
    "tickets": "t",
    "supervise": "v",
    "wall": "b",
    "reports": "r",
    "dashboards": "l",
    "process": "j",
    "replays": "o",
    "customers": "c",
    "alerts": "a",
    "mail": "m",
    "calls": "h",
    "surveys": "y",
    "callbacks": "k",
    "standards": "s",
    "calendars": "d",
    "people": "p",
    "settings": "e",
    "connections": "x",
    "audit": "u",
}
ALERT_COUNTS: list[Callable[[int], int]] = []  # given a person's id; the alerts feature registers its count


def actor_of(request: HttpRequest) -> Actor:
    """The signed-in person as an actor; made once for each request."""
    kept: Actor | None = getattr(request, "_actor", None)
    if kept is None:
        kept = of_person(request.user)  # type: ignore[arg-type]
        request._actor = kept  # type: ignore[attr-defined]
    return kept


def _is_open(right: str | tuple[str, ...] | None, rights: frozenset[str]) -> bool:
    return right is None or any(one in rights for one in ((right,) if isinstance(right, str) else right))


def frame(request: HttpRequest) -> dict[str, Any]:
    from django.urls import reverse

    known = {"server_now": timezone.now().timestamp(), "fault_id": getattr(request, "fault_id", "")}
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return known
    actor = actor_of(request)
    order = list(RAIL)
    places = sorted(NAVIGATION, key=lambda place: order.index(place[0]) if place[0] in RAIL else len(order))
    nav = [
        {
            "key": key,
            "letter": RAIL.get(key, ""),
            "label": label,
            "icon": icon,
            "url": (url := reverse(name)),
            "active": request.path.startswith(url),
        }
        for key, label, icon, name, right in places
        if _is_open(right, actor.rights)
    ]
    return known | {
        "nav": nav,
        "me": request.user,
        "actor": actor,
        "topics": " ".join(live.topics_of(actor)),
        "alerts_n": sum(count(request.user.pk) for count in ALERT_COUNTS),
        "site_name": settings_store.get("site.name"),
    }
