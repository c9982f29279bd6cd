"""Outside events (D25b): what other systems report of a customer's order or service, and what each kind sets off."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from jiying.base.models import DueRow, due_indexes
from jiying.core.outside import Rule
from jiying.desk.models.customers import Customer


class OutsideKind(models.Model):
    """A kind of event and its rule. The code stays, because events name it."""

    code = models.SlugField(max_length=40, unique=True)
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True)
    active = models.BooleanField(default=True)
    warns = models.BooleanField(default=False)  # the agents of the customer's open tickets
    tells = models.BooleanField(default=False)  # the customer, on the ticket that is nearest
    message = models.TextField(blank=True)  # what the customer is told
    opens = models.CharField(max_length=10, blank=True)  # a ticket: never, where none is open, always
    subject = models.CharField(max_length=200, blank=True)  # of that ticket
    channel = models.CharField(max_length=20, default="other")
    priority = models.CharField(max_length=2, blank=True)  # empty: by the rules
    category = models.CharField(max_length=120, blank=True)
    window_h = models.PositiveIntegerField(default=24)  # an equal event within so many hours is the same one
    revision = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.code

    @property
    def rule(self) -> Rule:
        return Rule(self.warns, self.tells, self.opens, self.active)


class OutsideEvent(DueRow):
    """One event as it came; waiting until the worker has acted on it. What matches nothing is kept, and tried again."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        NOTHING = "nothing"  # there was nothing to do
        UNMATCHED = "unmatched"  # no such kind or customer
        REFUSED = "refused"  # the desk refused what the rule asks for

    source = models.CharField(max_length=30)
    event_id = models.CharField(max_length=80)  # the source's own: the same one twice changes nothing
    kind = models.CharField(max_length=40)
    occurred_at = models.DateTimeField()
    told = models.JSONField(default=dict)  # of the customer: {ref, name, phone, email}
    customer = models.ForeignKey(
        Customer, null=True, on_delete=models.SET_NULL, related_name="outside_events", db_index=False
    )
    reference = models.CharField(max_length=80, blank=True)  # of the order, the line, the machine
    text = models.TextField(blank=True)
    severity = models.CharField(max_length=10, default="warning")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    reason = models.CharField(max_length=20, blank=True)
    outcome = models.JSONField(default=list)  # [{do, ticket}, …], or the fault for which it was refused
    received_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "event_id"], name="outside_event_once")]
        indexes: ClassVar = [
            *due_indexes("outside_event"),
            models.Index(fields=["received_at", "id"], name="outside_event_log"),
            models.Index(fields=["state", "received_at", "id"], name="outside_event_state"),
            models.Index(
                fields=["customer", "kind", "handled_at"],
                condition=Q(customer__isnull=False),
                name="outside_event_customer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.source} {self.event_id} {self.kind}"
