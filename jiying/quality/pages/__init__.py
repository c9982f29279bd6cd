"""The pages of the quality floor: results of surveys, their designs, call-backs."""

from typing import Any

from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from jiying.base.actor import Actor
from jiying.base.policies import has
from jiying.quality.policies import EDIT, RESULTS


def tabs(actor: Actor, active: str) -> list[dict[str, Any]]:
    """Results, answers and designs, as far as the reader may open them."""
    found = [
        ("results", _("Results"), "quality:results", RESULTS),
        ("answers", pgettext("survey", "Answers"), "quality:answers", RESULTS),
        ("designs", _("Who is asked what"), "quality:designs", EDIT),
    ]
    return [
        {"label": label, "url": reverse(name), "active": key == active}
        for key, label, name, right in found
        if has(actor, right)
    ]


def _urls() -> list[Any]:
    from jiying.quality.pages import callbacks, designs, results

    return [
        path("surveys/", results.show, name="results"),
        path("surveys/answers/", results.answers, name="answers"),
        path("surveys/export", results.export, name="export"),
        path("surveys/designs/", designs.show, name="designs"),
        path("surveys/designs/new", designs.edit, name="new_design"),
        path("surveys/designs/<slug:key>", designs.edit, name="design"),
        path("callbacks/", callbacks.show, name="callbacks"),
        path("callbacks/<int:pk>", callbacks.one, name="callback"),
    ]


app_name = "quality"
urlpatterns = _urls()
