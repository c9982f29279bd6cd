"""Tickets and what hangs on them. `next_due_at` is copied from the clocks, so that lists sort by one index."""

from datetime import UTC, datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce

from jiying.base.models import Department, DueRow, Team, due_indexes
from jiying.desk.models.customers import Customer


class Category(models.Model):
    """A node of the category tree; `path` such as `logistics/lost`. `skills` are what its tickets need."""

    path = models.CharField(max_length=120, unique=True)
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True)
    skills = models.JSONField(default=dict)  # {skill code: minimum level}
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL)
    type = models.CharField(max_length=12, blank=True)  # the type of its tickets where nobody says another
    flow = models.SlugField(max_length=40, blank=True)  # key of the task flow that its tickets start
    form = models.SlugField(max_length=40, blank=True)  # key of its intake form
    codes = models.CharField(max_length=10, blank=True)  # solution codes when solved: "" not asked, optional, required
    active = models.BooleanField(default=True)
    revision = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.path


class Status(models.TextChoices):
    NEW = "new"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    WAITING = "waiting"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    MERGED = "merged"


ENDED = (Status.CLOSED, Status.CANCELLED, Status.MERGED)
OPEN = tuple(s for s in Status if s not in ENDED)
NO_DUE = datetime(9999, 1, 1, tzinfo=UTC)  # the place of tickets without a due time: the last
_OPEN, _ENDED = Q(ended_at__isnull=True), Q(ended_at__isnull=False)


class Ticket(models.Model):
    number = models.CharField(max_length=24, unique=True)
    subject = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    customer = models.ForeignKey(
        Customer, null=True, blank=True, on_delete=models.PROTECT, related_name="tickets", db_index=False
    )
    customer_told = models.JSONField(default=dict)  # what the request says of them that is not what is known
    channel = models.CharField(max_length=10)
    type = models.CharField(max_length=12, default="inquiry")
    category = models.CharField(max_length=120, blank=True)
    priority = models.CharField(max_length=2)
    priority_source = models.CharField(max_length=10)  # rule | manual | import
    priority_reason = models.JSONField(default=dict)
    amount = models.BigIntegerField(null=True, blank=True)  # of money at stake, in the smallest unit (分)
    tier = models.CharField(max_length=20, default="standard")  # the customer's when it was received
    region = models.CharField(max_length=40, blank=True, default="")  # likewise
    tags = models.JSONField(default=list)
    fields = models.JSONField(default=dict)
    form = models.CharField(max_length=60, blank=True)  # key/version of the intake form that its fields answer
    is_incomplete = models.BooleanField(default=False)  # an answer that the form wants is missing or wrong
    status = models.CharField(max_length=12, choices=Status, default=Status.NEW)
    waiting_for = models.CharField(max_length=20, blank=True)
    team = models.ForeignKey(
        Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="tickets", db_index=False
    )
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="tickets",
        db_index=False,
    )
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, related_name="duplicates", db_index=False
    )
    received_at = models.DateTimeField()
    created_at = models.DateTimeField()
    assigned_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    next_due_at = models.DateTimeField(null=True)
    # What lists sort by: never empty, since databases disagree on where that sorts, and SQLite's planner takes IS NULL
    # for something that hardly a row fulfils.
    due_order = models.GeneratedField(
        expression=Coalesce("next_due_at", Value(NO_DUE)), output_field=models.DateTimeField(), db_persist=True
    )
    is_late = models.BooleanField(default=False)  # an open clock is breached
    is_repeat = models.BooleanField(default=False)  # the customer came twice with the same problem (D7)
    escalation = models.PositiveSmallIntegerField(default=0)
    line = models.PositiveSmallIntegerField(default=1)  # the highest support line that has it now
    helper = models.ForeignKey(  # who of that line has taken it in; the assignee stays responsible
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    public_reply_at = models.DateTimeField(null=True)  # first one: from then on never taken from its agent
    last_message = models.CharField(max_length=160, blank=True)
    last_message_at = models.DateTimeField(null=True)
    source = models.CharField(max_length=40, blank=True)
    external_id = models.CharField(max_length=80, blank=True)
    revision = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "external_id"], condition=~Q(external_id=""), name="ticket_external_once"
            ),
        ]
        # Whole orderings are served from an index (`queries.ordered`): open tickets by due time, all by receipt.
        indexes: ClassVar = [
            *(
                models.Index(fields=[*before, "due_order", "id"], condition=_OPEN & only, name=f"ticket_{name}")
                for name, before, only in (
                    ("open_due", (), Q()),
                    ("queue", (), Q(assignee__isnull=True)),
                    ("late", (), Q(is_late=True)),
                    ("vip", (), Q(tier="vip")),
                    ("kind", ("priority", "channel"), Q()),
                    ("status", ("status",), Q()),
                    ("team_status", ("team", "status"), Q()),
                    ("team", ("team",), Q()),
                    ("team_late", ("team",), Q(is_late=True)),
                    ("team_vip", ("team",), Q(tier="vip")),
                    ("team_queue", ("team",), Q(assignee__isnull=True)),
                    ("team_queue_status", ("team", "status"), Q(assignee__isnull=True)),
                    ("opened", ("opened_by",), Q(opened_by__isnull=False)),
                    ("mine", ("assignee",), Q(assignee__isnull=False)),
                )
            ),
            models.Index(fields=["received_at", "id"], name="ticket_received"),
            models.Index(fields=["customer", "received_at", "id"], name="ticket_customer"),
            *(
                models.Index(
                    fields=[who, "received_at", "id"], condition=Q((f"{who}__isnull", False)), name=f"ticket_{who}_all"
                )
                for who in ("team", "assignee", "opened_by")
            ),
            models.Index(fields=["received_at", "id"], condition=_ENDED, name="ticket_ended"),
            models.Index(fields=["team", "received_at", "id"], condition=_ENDED, name="ticket_team_ended"),
            models.Index(fields=["merged_into"], condition=Q(merged_into__isnull=False), name="ticket_duplicates"),
        ]

    AHEAD: ClassVar = "event:"  # before the source of a ticket that an outside event opened (D25b)

    def __str__(self) -> str:
        return self.number

    @property
    def is_ended(self) -> bool:
        return self.status in ENDED


class Message(models.Model):
    """What was said, written or noted on a ticket."""

    class Kind(models.TextChoices):
        REPLY = "reply"  # public, from the desk
        CUSTOMER = "customer"
        NOTE = "note"  # internal
        CALL = "call"

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="messages")
    kind = models.CharField(max_length=10, choices=Kind)
    by = models.CharField(max_length=10, default="person")  # person | bot | auto | customer
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    body = models.TextField(blank=True)
    html = models.TextField(blank=True, default="")  # Markdown rendered and cleaned; empty: the body is plain text
    call = models.JSONField(default=dict, blank=True)  # {direction, duration_s, recording_url}
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["ticket", "at", "id"], name="message_ticket")]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.kind}"


class Collaboration(models.Model):
    """A question to another department, with its own clock (D6)."""

    class State(models.TextChoices):
        ASKED = "asked"
        ANSWERED = "answered"
        DECLINED = "declined"  # by the department, with its reason
        HANDED_ON = "handed_on"  # to another department, which was asked instead
        WITHDRAWN = "withdrawn"

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="collaborations")
    department = models.ForeignKey(Department, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    helpers = models.JSONField(default=list)  # ids of colleagues who help the one who answers
    kind = models.CharField(max_length=40, default="question")
    question = models.TextField()
    answer = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.ASKED)
    holds_ticket = models.BooleanField(default=False)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField()
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    answered_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["ticket"], name="collaboration_ticket"),
            models.Index(fields=["department", "state"], name="collaboration_department"),
            models.Index(fields=["department", "asked_at", "id"], name="collaboration_asked"),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} → {self.department_id}"


class TicketTimer(DueRow):
    """Something that happens to a ticket by itself at `wake_at`: `close` a resolved one after silence (C13b)."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="timers")
    kind = models.CharField(max_length=10)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["ticket", "kind"], name="ticket_timer_once")]
        indexes: ClassVar = [
            *due_indexes("ticket_timer"),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.kind}"
