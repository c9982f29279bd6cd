"""The forms of verbs: fields with their words and widgets. What is allowed, the services decide."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from jiying.base.texts import choices, term
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.desk.models import Ticket
from jiying.desk.queries import categories, people


def _text(label: Any, *, required: bool = False, rows: int = 3, hint: Any = "") -> forms.CharField:
    widget = forms.Textarea(attrs={"class": "form-control", "rows": rows})
    return forms.CharField(label=label, required=required, widget=widget, help_text=hint, max_length=20_000)


def _choice(label: Any, options: Any = (), *, required: bool = True) -> forms.ChoiceField:
    widget = forms.Select(attrs={"class": "form-select"})
    return forms.ChoiceField(label=label, choices=options, required=required, widget=widget)


def _tick(label: Any) -> forms.BooleanField:
    widget = forms.CheckboxInput(attrs={"class": "form-check-input"})
    return forms.BooleanField(label=label, required=False, widget=widget)


class VerbForm(forms.Form):
    """A form about one ticket; `revision` is the state that it was made from, a stale one is refused."""

    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, ticket: Ticket, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ticket = ticket
        self.fields["revision"].initial = ticket.revision
        self.prepare()
        next(iter(self.visible_fields())).field.widget.attrs["autofocus"] = True

    def prepare(self) -> None:
        """Fill in what depends on the ticket or on rows."""


class HoldForm(VerbForm):
    reason = _choice(_("Waiting for"), lambda: choices("hold_reason")[:3])
    note = _text(_("Note"), hint=_("Kept in the journal; the customer does not see it."))


class ResolveForm(VerbForm):
    note = _text(_("What was done"), hint=_("Kept in the journal; the customer does not see it."))


class NoteForm(VerbForm):
    note = _text(_("Note"))


class ReasonForm(VerbForm):
    reason = _text(_("Reason"), required=True)


class ReopenForm(VerbForm):
    reason = _text(_("Reason"))


class PriorityForm(VerbForm):
    priority = _choice(_("Priority"))
    reason = _text(_("Reason"), required=True, hint=_("The due times follow the new priority from the same start."))

    def prepare(self) -> None:
        self.fields["priority"].choices = [(p, f"{p} {term('priority', p)}") for p in PRIORITIES]  # type: ignore[attr-defined]
        self.fields["priority"].initial = self.ticket.priority


class EscalateForm(VerbForm):
    level = _choice(_("Level"), [(1, "1"), (2, "2"), (3, "3")])
    reason = _text(_("Reason"), required=True, hint=_("The responsible people are told at once."))

    def prepare(self) -> None:
        self.fields["level"].initial = min(3, self.ticket.escalation + 1)


class HandUpForm(VerbForm):
    team = _choice(_("To"))
    reason = _text(_("Reason"), required=True, hint=_("You stay responsible; the answer comes back to you."))

    def prepare(self) -> None:
        self.fields["team"].choices = people.teams_above(self.ticket.line)  # type: ignore[attr-defined]


class HandBackForm(VerbForm):
    answer = _text(_("Answer"), required=True, rows=5, hint=_("Stands on the ticket as a note for the first line."))


class MergeForm(VerbForm):
    into = forms.CharField(
        label=_("Number of the ticket that stays"),
        max_length=24,
        widget=forms.TextInput(attrs={"class": "form-control", "placeholder": "GD", "autocomplete": "off"}),
        help_text=_("This ticket becomes a duplicate; its clocks end."),
    )


class TransferForm(VerbForm):
    """`to` is `person:ID` or `team:ID`; the template draws the choices with load and presence."""

    to = forms.RegexField(
        r"^(person|team):\d{1,15}\Z", label=_("To"), error_messages={"required": _("Choose who gets it.")}
    )
    reason = _text(_("Reason"), rows=2)


class AskForm(VerbForm):
    department = _choice(_("Department"))
    kind = _choice(_("Kind"), lambda: choices("collaboration_kind"))
    question = _text(_("Question"), required=True, rows=4)
    hold_ticket = _tick(_("Let the ticket wait for the answer"))

    def prepare(self) -> None:
        rows = [(d.code, d.label) for d in people.departments()]
        self.fields["department"].choices = rows  # type: ignore[attr-defined]


class AnswerForm(VerbForm):
    answer = _text(_("Answer"), required=True, rows=4)


class FieldsForm(VerbForm):
    category = _choice(_("Category"), required=False)
    channel = _choice(_("Channel"))
    tags = forms.CharField(
        label=_("Tags"),
        required=False,
        max_length=800,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
        help_text=_("Separate them by commas."),
    )

    def prepare(self) -> None:
        tree = [(c.path, c.label) for c in categories.choices()]
        if self.ticket.category and self.ticket.category not in dict(tree):
            tree.append((self.ticket.category, self.ticket.category))  # imported, or switched off since
        self.fields["category"].choices = [("", "–"), *tree]  # type: ignore[attr-defined]
        self.fields["channel"].choices = [(c, term("channel", c)) for c in CHANNELS]  # type: ignore[attr-defined]
        self.fields["category"].initial = self.ticket.category
        self.fields["channel"].initial = self.ticket.channel
        self.fields["tags"].initial = ", ".join(self.ticket.tags)

    def clean_tags(self) -> list[str]:
        return split_tags(self.cleaned_data["tags"])


class CauseForm(VerbForm):
    code = _choice(_("Cause"), lambda: choices("cause"))
    note = _text(_("Explanation"))


def split_tags(text: str) -> list[str]:
    """Tags as people write them: parted by commas of either script, each once, in order."""
    parts = (part.strip() for part in text.replace("，", ",").replace("、", ",").split(","))
    return list(dict.fromkeys(part for part in parts if part))


class IntakeForm(forms.Form):
    """A new ticket as an agent takes it in."""

    customer_id = forms.IntegerField(required=False, widget=forms.HiddenInput)
    phone = forms.CharField(label=_("Phone"), required=False, max_length=40)
    name = forms.CharField(label=_("Name"), required=False, max_length=120)
    email = forms.CharField(label=_("E-mail"), required=False, max_length=254)
    ref = forms.CharField(label=_("Customer number"), required=False, max_length=80)
    organisation = forms.CharField(label=_("Organisation"), required=False, max_length=120)
    subject = forms.CharField(label=_("Subject"), max_length=200)
    channel = _choice(_("Channel"))
    type = _choice(_("Type"))
    category = _choice(_("Category"), required=False)
    description = _text(_("Description"), rows=6)
    tags = forms.CharField(label=_("Tags"), required=False, max_length=800, help_text=_("Separate them by commas."))
    priority = _choice(_("Priority"), required=False)
    take_it = _tick(_("I keep it"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lists = {
            "channel": choices("channel"),
            "type": choices("type"),
            "category": [("", "–"), *((c.path, c.label) for c in categories.choices())],
            "priority": [("", _("By the rules")), *((p, f"{p} {term('priority', p)}") for p in PRIORITIES)],
        }
        for name, options in lists.items():
            self.fields[name].choices = options  # type: ignore[attr-defined]
        for field in self.fields.values():
            if isinstance(field.widget, forms.TextInput):
                field.widget.attrs.update({"class": "form-control", "autocomplete": "off"})

    def clean_tags(self) -> tuple[str, ...]:
        return tuple(split_tags(self.cleaned_data["tags"]))


class CannedTextForm(forms.Form):
    """A canned text; `reaches` are those whom the writer may write for."""

    title = forms.CharField(label=_("Title"), max_length=80)
    shortcut = forms.CharField(
        label=_("Shortcut"),
        required=False,
        max_length=40,
        help_text=_("What one types after the /, for example refund."),
    )
    body = _text(_("Text"), required=True, rows=8)
    reach = _choice(_("For whom"))
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, reaches: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        words = [(code, word) for code, word in choices("canned_reach") if code in reaches]
        self.fields["reach"].choices = words  # type: ignore[attr-defined]
        for name in ("title", "shortcut"):
            self.fields[name].widget.attrs.update({"class": "form-control", "autocomplete": "off"})
