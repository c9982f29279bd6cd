"""The tabs that all pages of standards share."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

# (code, label, name of the address): what floors above approve in the same way.
MORE: list[tuple[str, Any, str]] = []


def tabs(active: str) -> list[dict[str, Any]]:
    found = [
        ("in_force", _("Response times"), "standards:in_force"),
        ("agreements", _("Collaboration"), "standards:agreements"),
        ("revisions", _("Revisions"), "standards:revisions"),
        *MORE,
    ]
    return [{"label": label, "url": reverse(name), "active": code == active} for code, label, name in found]
