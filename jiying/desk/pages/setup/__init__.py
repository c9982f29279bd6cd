"""Ticket setup (工单设置): categories and what hangs on them, edited by those who may edit rules."""

from typing import Any

from django.urls import path, reverse
from django.utils.translation import gettext as _

RIGHT = "desk.edit_rules"


def tabs(active: str) -> list[dict[str, Any]]:
    """The places of the setup; the one shown is marked."""
    found = [
        ("categories", _("Categories"), "desk:categories"),
        ("lines", _("Support lines"), "desk:line_setup"),
    ]
    return [{"label": label, "url": reverse(name), "active": key == active} for key, label, name in found]


def urls() -> list[Any]:
    """Their addresses, below `setup/`."""
    from jiying.desk.pages.setup import categories, lines

    return [
        path("categories/", categories.show, name="categories"),
        path("categories/new", categories.edit, name="new_category"),
        path("lines/", lines.show, name="line_setup"),
        path("lines/team", lines.set_line, name="set_line"),
        path("categories/edit/<path:where>", categories.edit, name="category"),
    ]
