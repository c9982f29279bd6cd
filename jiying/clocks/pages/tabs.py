"""The tabs that all pages of standards share."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _


def tabs(active: str) -> list[dict[str, Any]]:
    found = [("in_force", _("Response times")), ("agreements", _("Collaboration"))]
    return [{"label": label, "url": reverse(f"standards:{name}"), "active": name == active} for name, label in found]
