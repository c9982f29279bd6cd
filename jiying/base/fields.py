"""Fields of forms as pages of the house draw them: line, text, choice, tick; services decide what is allowed."""

import re
from typing import Any

from django import forms
from django.utils.functional import lazy
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

MAX_TEXT, MAX_SECRET = 20_000, 2_000


def line(label: Any, *, required: bool = False, limit: int = 80, hint: Any = "") -> forms.CharField:
    widget = forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"})
    return forms.CharField(label=label, required=required, max_length=limit, help_text=hint, widget=widget)


def text(
    label: Any, *, required: bool = False, rows: int = 3, limit: int = MAX_TEXT, hint: Any = ""
) -> forms.CharField:
    widget = forms.Textarea(attrs={"class": "form-control", "rows": rows})
    return forms.CharField(label=label, required=required, max_length=limit, help_text=hint, widget=widget)


def choice(label: Any, options: Any = (), *, required: bool = False, hint: Any = "") -> forms.ChoiceField:
    widget = forms.Select(attrs={"class": "form-select"})
    return forms.ChoiceField(label=label, choices=options, required=required, help_text=hint, widget=widget)


def tick(label: Any, *, initial: bool = False, hint: Any = "") -> forms.BooleanField:
    widget = forms.CheckboxInput(attrs={"class": "form-check-input"})
    return forms.BooleanField(label=label, required=False, initial=initial, help_text=hint, widget=widget)


def ticks(label: Any, options: Any, *, required: bool = False, hint: Any = "") -> forms.MultipleChoiceField:
    """Some of several: a list of ticks."""
    widget = forms.CheckboxSelectMultiple(attrs={"class": "form-check-input"})
    return forms.MultipleChoiceField(label=label, choices=options, required=required, help_text=hint, widget=widget)


def number(label: Any, *, low: int, high: int, required: bool = False, hint: Any = "") -> forms.IntegerField:
    widget = forms.NumberInput(attrs={"class": "form-control"})
    return forms.IntegerField(
        label=label, min_value=low, max_value=high, required=required, help_text=hint, widget=widget
    )


def secret(label: Any, *, is_kept: bool, hint: Any = "") -> forms.CharField:
    """Never filled in; what is left empty stays as it is kept."""
    shown = {"placeholder": _("kept; enter a new one to replace it")} if is_kept else {}
    attributes = {"class": "form-control", "autocomplete": "new-password", **shown}
    widget = forms.PasswordInput(attrs=attributes)
    hint = hint or _("Stored sealed and never shown again.")
    return forms.CharField(label=label, required=False, max_length=MAX_SECRET, help_text=hint, widget=widget)


def secret_lines(label: Any, *, is_kept: bool, hint: Any = "") -> forms.CharField:
    """A secret of several lines; never filled in either."""
    one = secret(label, is_kept=is_kept, hint=hint)
    one.widget = forms.Textarea(attrs={**one.widget.attrs, "rows": 3, "autocomplete": "off", "spellcheck": "false"})
    return one


def _with_codes(text: Any) -> SafeString:
    return SafeString(re.sub(r"\{[^{}]+\}", r"<code>\g<0></code>", escape(str(text))))


with_codes = lazy(_with_codes, SafeString)  # a hint in which {places} stand as what they are: codes
