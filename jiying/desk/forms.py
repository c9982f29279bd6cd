"""The forms of verbs: fields with their words and widgets. What is allowed, the services decide."""

from collections.abc import Collection
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from jiying.base import fields
from jiying.base.texts import choices, term
from jiying.core import intake_forms as core_forms
from jiying.core.standards import CHANNELS, PRIORITIES
from jiying.desk.models import Ticket
from jiying.desk.queries import categories, codes, flows, intake_forms, offers, people, writing
from jiying.desk.queries.customers import CustomerDetail


class VerbForm(forms.Form):
    """A form about one ticket; `revision` is the state that it was made from, a stale one is refused."""

    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, ticket: Ticket, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.ticket = ticket
        self.fields["revision"].initial = ticket.revision
        self.prepare()
        if visible := self.visible_fields():  # a form that only asks "sure?" has none
            visible[0].field.widget.attrs["autofocus"] = True

    def prepare(self) -> None:
        """Fill in what depends on the ticket or on rows."""


class HoldForm(VerbForm):
    reason = fields.choice(_("Waiting for"), lambda: choices("hold_reason")[:3], required=True)
    note = fields.text(_("Note"), hint=_("Kept in the journal; the customer does not see it."))


class ResolveForm(VerbForm):
    cause = fields.choice(_("Cause of the problem"))
    solution = fields.choice(_("Solution"))
    step = fields.choice(_("Process step at fault"))
    note = fields.text(_("What was done"), hint=_("Kept in the journal; the customer does not see it."))

    def prepare(self) -> None:
        """Codes that fit the category; none where it asks for none."""
        asked = categories.codes_of(self.ticket.category)
        offered = codes.choices(self.ticket.category) if asked else {}
        for kind in codes.KINDS:
            if not offered.get(kind):
                del self.fields[kind]
                continue
            self.fields[kind].choices = [("", "–"), *offered[kind]]  # type: ignore[attr-defined]
            self.fields[kind].required = asked == "required" and kind != "step"


class NoteForm(VerbForm):
    note = fields.text(_("Note"))


class ReasonForm(VerbForm):
    reason = fields.text(_("Reason"), required=True)


class ReopenForm(VerbForm):
    reason = fields.text(_("Reason"))


class PriorityForm(VerbForm):
    priority = fields.choice(_("Priority"), required=True)
    reason = fields.text(
        _("Reason"), required=True, hint=_("The due times follow the new priority from the same start.")
    )

    def prepare(self) -> None:
        self.fields["priority"].choices = [(p, f"{p} {term('priority', p)}") for p in PRIORITIES]  # type: ignore[attr-defined]
        self.fields["priority"].initial = self.ticket.priority


class EscalateForm(VerbForm):
    level = fields.choice(_("Level"), [(1, "1"), (2, "2"), (3, "3")], required=True)
    reason = fields.text(_("Reason"), required=True, hint=_("The responsible people are told at once."))

    def prepare(self) -> None:
        self.fields["level"].initial = min(3, self.ticket.escalation + 1)


class HandUpForm(VerbForm):
    team = fields.choice(_("To"), required=True)
    reason = fields.text(_("Reason"), required=True, hint=_("You stay responsible; the answer comes back to you."))

    def prepare(self) -> None:
        self.fields["team"].choices = people.teams_above(self.ticket.line)  # type: ignore[attr-defined]


class CompleteForm(VerbForm):
    """The fields of the category's intake form, as far as they are asked now; their names are those of the faults."""

    def prepare(self) -> None:
        form = intake_forms.of_category(self.ticket.category, timezone.now())
        for field in core_forms.shown(form, self.ticket.channel, self.ticket.fields) if form else ():
            self.fields[f"fields.{field.key}"] = _asked(field, self.ticket.fields.get(field.key))


def _asked(field: core_forms.FormField, value: Any) -> forms.Field:
    """One field of an intake form; what is right, the service says."""
    initial = "" if value is None else str(value)
    if field.kind == "choice":
        options = [("", "–"), *((o, o) for o in field.options)]
        widget: forms.Widget = forms.Select(attrs={"class": "form-select"}, choices=options)
    else:
        kind = {"date": "date", "phone": "tel"}.get(field.kind, "text")
        widget = forms.TextInput(attrs={"class": "form-control", "type": kind, "autocomplete": "off"})
    return forms.CharField(
        label=field.label,
        required=False,
        initial=initial,
        help_text=field.hint,
        max_length=core_forms.MAX_VALUE,
        widget=widget,
    )


class FlowForm(VerbForm):
    flow = fields.choice(_("Task flow"), required=True)

    def prepare(self) -> None:
        self.fields["flow"].choices = flows.titles()  # type: ignore[attr-defined]


class OfferForm(VerbForm):
    """An offer; the money is written in yuan and kept in its smallest unit."""

    kind = fields.choice(_("What is offered"), required=True)
    value = forms.CharField(
        label=_("Extent"),
        required=False,
        max_length=120,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
        help_text=_("For example 12 months, or 500 points."),
    )
    amount = forms.DecimalField(
        label=_("Amount in yuan"),
        required=False,
        min_value=0,
        max_value=10**10,
        decimal_places=2,
        widget=forms.NumberInput(attrs={"class": "form-control", "step": "0.01", "autocomplete": "off"}),
    )
    note = fields.text(_("Note"), rows=2, hint=_("For colleagues; the customer does not see it."))
    shown = fields.tick(_("The customer sees it by the link of the ticket, and can accept or refuse it there"))

    def prepare(self) -> None:
        self.fields["kind"].choices = offers.choices()  # type: ignore[attr-defined]
        if self.ticket.customer_id is None:
            del self.fields["shown"]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        amount = values.get("amount")
        return {**values, "amount": None if amount is None else int(amount * 100), "shown": bool(values.get("shown"))}


class OfferAnswerForm(VerbForm):
    answer = fields.choice(_("The customer"), lambda: choices("offer_answer"), required=True)
    note = fields.text(_("Note"), rows=2)


class HandBackForm(VerbForm):
    answer = fields.text(
        _("Answer"), required=True, rows=5, hint=_("Stands on the ticket as a note for the first line.")
    )


class MergeForm(VerbForm):
    into = forms.CharField(
        label=_("Number of the ticket that stays"),
        max_length=24,
        widget=forms.TextInput(attrs={"class": "form-control", "placeholder": "GD", "autocomplete": "off"}),
        help_text=_("This ticket becomes a duplicate; its clocks end."),
    )


class SplitForm(VerbForm):
    """The second request of a ticket: filled in with what the customer said last, to be cut down to it."""

    subject = forms.CharField(
        label=_("Subject of the new ticket"),
        max_length=200,
        widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
    )
    description = fields.text(
        _("Description"), rows=5, hint=_("What the customer said last is filled in; leave what belongs to it.")
    )
    category = fields.choice(_("Category"))
    type = fields.choice(_("Type"), lambda: choices("type"), required=True)
    take_it = fields.tick(_("I keep it"))

    def prepare(self) -> None:
        tree = [(c.path, c.label) for c in categories.choices()]
        self.fields["category"].choices = [("", "–"), *tree]  # type: ignore[attr-defined]
        self.fields["description"].initial = writing.last_said(self.ticket)
        self.fields["take_it"].initial = True


class LinkForm(VerbForm):
    other = forms.CharField(
        label=_("Number of the other ticket"),
        max_length=24,
        widget=forms.TextInput(attrs={"class": "form-control", "placeholder": "GD", "autocomplete": "off"}),
        help_text=_("Both tickets stay as they are; each shows the other."),
    )


class TransferForm(VerbForm):
    """`to` is `person:ID` or `team:ID`; the template draws the choices with load and presence."""

    to = forms.RegexField(
        r"^(person|team):\d{1,15}\Z", label=_("To"), error_messages={"required": _("Choose who gets it.")}
    )
    reason = fields.text(_("Reason"), rows=2)


class AskForm(VerbForm):
    department = fields.choice(_("Department"), required=True)
    kind = fields.choice(_("Kind"), lambda: choices("collaboration_kind"), required=True)
    question = fields.text(_("Question"), required=True, rows=4)
    hold_ticket = fields.tick(_("Let the ticket wait for the answer"))

    def prepare(self) -> None:
        rows = [(d.code, d.label) for d in people.departments()]
        self.fields["department"].choices = rows  # type: ignore[attr-defined]


class AnswerForm(VerbForm):
    answer = fields.text(_("Answer"), required=True, rows=4)


class DeclineForm(VerbForm):
    reason = fields.text(_("Reason"), required=True, rows=3)


class HandOnForm(VerbForm):
    """To another department than `without`."""

    department = fields.choice(_("Department"), required=True)
    note = fields.text(_("Why, and what they should know"), required=True, rows=3)

    def __init__(self, *args: Any, without: int, **kwargs: Any) -> None:
        self.without = without
        super().__init__(*args, **kwargs)

    def prepare(self) -> None:
        rows = [(d.code, d.label) for d in people.departments() if d.pk != self.without]
        self.fields["department"].choices = rows  # type: ignore[attr-defined]


class RespondersForm(VerbForm):
    """Who of a department answers, and who helps."""

    person = fields.choice(_("Answers"))
    helpers = forms.MultipleChoiceField(
        label=_("Helpers"), required=False, widget=forms.SelectMultiple(attrs={"class": "form-select", "size": 5})
    )

    def __init__(self, *args: Any, of: int, **kwargs: Any) -> None:
        self.of = of
        super().__init__(*args, **kwargs)

    def prepare(self) -> None:
        rows = [(str(pk), name) for pk, name in people.of_department(self.of)]
        self.fields["person"].choices = [("", _("nobody in particular")), *rows]  # type: ignore[attr-defined]
        self.fields["helpers"].choices = rows  # type: ignore[attr-defined]


class FieldsForm(VerbForm):
    category = fields.choice(_("Category"))
    channel = fields.choice(_("Channel"), required=True)
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
    code = fields.choice(_("Cause"), lambda: choices("cause"), required=True)
    note = fields.text(_("Explanation"))


class RepeatCauseForm(forms.Form):
    cause = fields.choice(_("Root cause"), lambda: choices("repeat_cause"), required=True)
    note = fields.text(_("Explanation"))


class DismissForm(forms.Form):
    note = fields.text(_("Reason"), required=True)


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
    channel = fields.choice(_("Channel"), required=True)
    type = fields.choice(_("Type"), required=True)
    category = fields.choice(_("Category"))
    description = fields.text(_("Description"), rows=6)
    tags = forms.CharField(label=_("Tags"), required=False, max_length=800, help_text=_("Separate them by commas."))
    priority = fields.choice(_("Priority"))
    take_it = fields.tick(_("I keep it"))

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
    body = fields.text(_("Text"), required=True, rows=8)
    reach = fields.choice(_("For whom"), required=True)
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, reaches: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        words = [(code, word) for code, word in choices("canned_reach") if code in reaches]
        self.fields["reach"].choices = words  # type: ignore[attr-defined]
        for name in ("title", "shortcut"):
            self.fields[name].widget.attrs.update({"class": "form-control", "autocomplete": "off"})


class CustomerForm(forms.Form):
    """What is known of a customer. Personal data are never filled in: what is left empty stays as it is kept."""

    revision = forms.IntegerField(widget=forms.HiddenInput)
    name = fields.line(_("Name"), limit=120)
    phone = fields.line(_("Phone"), limit=40)
    email = fields.line(_("E-mail"), limit=254)
    address = fields.line(_("Address"), limit=300)
    gone = fields.ticks(_("Take away"), [("phone", _("Phone")), ("email", _("E-mail")), ("address", _("Address"))])
    organisation = fields.line(_("Organisation"), limit=120)
    region = fields.line(_("Region"), limit=40)
    language = fields.line(_("Language"), limit=10, hint=_("As a code: zh, en, ja …"))
    tier = fields.choice(_("Tier"), lambda: choices("tier"), required=True)
    dedicated = fields.choice(_("Dedicated agent"))
    tags = fields.line(_("Tags"), limit=900, hint=_("Parted by commas."))

    MASKED = ("name", "phone", "email", "address")
    CARED_FOR = ("tier", "dedicated", "tags")

    def __init__(self, *args: Any, detail: CustomerDetail, may_care: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.MASKED:
            self.fields[name].widget.attrs["placeholder"] = getattr(detail, name) or "–"
        for name in ("organisation", "region", "language", "tier", "revision", "dedicated"):
            self.fields[name].initial = getattr(detail, name)
        self.fields["tags"].initial = ", ".join(detail.tags)
        self.fields["dedicated"].choices = self._agents(detail)  # type: ignore[attr-defined]
        for name in self.CARED_FOR if not may_care else ():
            del self.fields[name]

    @staticmethod
    def _agents(detail: CustomerDetail) -> list[tuple[Any, str]]:
        """Who can be one, and the present one even where they no longer can: saving takes nobody away unasked."""
        found: list[tuple[Any, str]] = [("", "–"), *people.names()]
        if detail.dedicated is not None and detail.dedicated not in dict(found):
            found.append((detail.dedicated, detail.dedicated_name))
        return found

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        for name in given.get("gone", ()):
            if given.get(name):
                self.add_error(name, _("Enter a new one, or take it away: not both."))
        return given

    def values(self) -> dict[str, Any]:
        """What is to change, as the service takes it."""
        given = self.cleaned_data
        told = {name: given[name] for name in self.MASKED if given[name]}
        told |= dict.fromkeys(given["gone"], "")
        told |= {name: given[name] for name in ("organisation", "region", "language", "tier") if name in given}
        if "dedicated" in given:
            told["dedicated_id"] = int(given["dedicated"]) if given["dedicated"] else None
        if "tags" in given:
            parts = (part.strip() for part in given["tags"].replace("，", ",").split(","))
            told["tags"] = [part for part in dict.fromkeys(parts) if part]
        return told
