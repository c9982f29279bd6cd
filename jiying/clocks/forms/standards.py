"""The form of a standard's draft: its field names are the places of the document, so that faults find their cells.

Reads text into the document; what is wrong with it, the document's own check says.
"""

import copy
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.http import QueryDict
from django.utils import timezone

from jiying.base.errors import Invalid
from jiying.core.standards import TICKET_METRICS

Values = Mapping[str, str]


def whole(text: str) -> int | str:
    """A whole number where the text is one; else the text itself, which the check will name."""
    return int(text) if re.fullmatch(r"-?[0-9]{1,12}", text.strip()) else text.strip()


def numbers(text: str) -> list[int | str]:
    """Whole numbers apart by commas or spaces."""
    return [whole(part) for part in re.split(r"[\s,，、;；%％]+", text) if part]


def read(body: Mapping[str, Any], post: QueryDict) -> dict[str, Any]:
    """The draft's body with everything that the form holds; what it does not hold stays."""
    new = copy.deepcopy(dict(body))
    for number, row in enumerate(new["rows"]):
        _targets(row["targets"], f"rows.{number}.targets", post)
    _targets(new["default"]["targets"], "default.targets", post)
    for metric in (*TICKET_METRICS, "collaboration"):
        _rule(new.setdefault("rules", {}), metric, post)
    if "confirmation_s" in post:
        hours = whole(str(post["confirmation_s"]))
        new["confirmation_s"] = hours * 3600 if isinstance(hours, int) else hours
    for code in new.get("promises", {}):
        if (target := _target(f"promises.{code}", post)) is not None:
            new["promises"][code] = target
    return new


def _target(path: str, post: Values) -> dict[str, Any] | None:
    """The target at a place; None where the form has no such field or its amount is empty."""
    amount = post.get(f"{path}.amount", "").strip()
    if not amount:
        return None
    return {
        "amount": whole(amount),
        "unit": post.get(f"{path}.unit", ""),
        "calendar": post.get(f"{path}.calendar", ""),
    }


def _targets(targets: dict[str, Any], prefix: str, post: Values) -> None:
    for metric in TICKET_METRICS:
        if f"{prefix}.{metric}.amount" not in post:
            continue
        target = _target(f"{prefix}.{metric}", post)
        if target is None:
            targets.pop(metric, None)
        else:
            targets[metric] = target


def _rule(rules: dict[str, Any], metric: str, post: QueryDict) -> None:
    path = f"rules.{metric}"
    if f"{path}.starts" not in post:
        return
    rules[metric] = {
        **rules.get(metric, {}),
        "starts": post[f"{path}.starts"],
        "pauses": post.getlist(f"{path}.pauses"),
        "warn": numbers(post.get(f"{path}.warn", "")),
        "late_min": numbers(post.get(f"{path}.late_min", "")),
    }


def read_agreement(post: Values, most: int) -> dict[str, Any]:
    """A department's collaboration standard: who asks, and the lines of kinds; a line without an amount is left out."""
    entries = []
    for number in range(most):
        path = f"entries.{number}"
        if (target := _target(f"{path}.target", post)) is not None:
            entries.append({"kind": post.get(f"{path}.kind", "").strip() or None, "target": target})
    return {"asking": post.get("asking", "").strip() or None, "entries": entries}


def read_instant(field: str, text: str) -> datetime:
    """A browser's date and time (2026-10-01T00:00) in the reader's zone."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid.one(field, "bad_time", value=text[:40]) from None
    return at if timezone.is_aware(at) else timezone.make_aware(at)
