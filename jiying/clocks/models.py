"""Clock rows, and causes of breaches. Calendars and standards are versioned documents of base."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from jiying.base.models import DueRow, due_indexes


class Clock(DueRow):
    """One measurement of one metric for one subject, as `core.clocks.fold` last gave it.

    `wake_at` is the instant of the next point; `points` are those still to come as [code, epoch second], `fired` those
    that have been facts, as {code: epoch second}.
    """

    class State(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        PAUSED = "paused"
        MET = "met"
        BREACHED = "breached"
        CANCELLED = "cancelled"

    subject_kind = models.CharField(max_length=20)
    subject_id = models.BigIntegerField()
    metric = models.CharField(max_length=20)
    seq = models.PositiveSmallIntegerField(default=1)
    origin = models.BigIntegerField(null=True)  # the journal entry that made it; empty: not folded since it was written
    state = models.CharField(max_length=10, choices=State)
    started_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    breached_at = models.DateTimeField(null=True)
    paused_at = models.DateTimeField(null=True)
    paused_reason = models.CharField(max_length=20, blank=True)
    target_s = models.PositiveIntegerField(default=0)
    calendar = models.CharField(max_length=40)
    calendar_version = models.PositiveIntegerField()
    standard_version = models.PositiveIntegerField()
    row = models.CharField(max_length=80)
    runs = models.JSONField(default=list)  # [[start, end | null], …] epoch seconds
    points = models.JSONField(default=list)
    fired = models.JSONField(default=dict)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["subject_kind", "subject_id", "metric", "seq"], name="clock_once"),
        )
        indexes: ClassVar = [
            *due_indexes("clock"),
            models.Index(
                fields=["calendar", "id"],
                condition=Q(state__in=["pending", "running", "paused", "breached"], ended_at__isnull=True),
                name="clock_open_calendar",
            ),
            models.Index(fields=["metric", "breached_at"], condition=Q(breached_at__isnull=False), name="clock_late"),
            models.Index(fields=["ended_at"], condition=Q(state="met"), name="clock_met"),
        ]

    def __str__(self) -> str:
        return f"{self.subject_kind}:{self.subject_id} {self.metric}#{self.seq} {self.state}"

    @property
    def is_open(self) -> bool:
        return self.ended_at is None and self.state != Clock.State.CANCELLED


class BreachCause(models.Model):
    """Why a clock was late (D8): named by the agent, approved or corrected by a supervisor (超时审批)."""

    class State(models.TextChoices):
        NAMED = "named"
        APPROVED = "approved"
        CORRECTED = "corrected"
        WITHDRAWN = "withdrawn"  # a late event took its clock away

    clock = models.OneToOneField(Clock, null=True, on_delete=models.SET_NULL, related_name="cause")
    code = models.CharField(max_length=30)
    note = models.TextField(blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.NAMED)
    named_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    named_at = models.DateTimeField()
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    approved_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (models.Index(fields=["clock"], condition=Q(state="named"), name="cause_to_judge"),)

    def __str__(self) -> str:
        return f"{self.clock_id} {self.code}"


class Revision(models.Model):
    """The quarterly look at the standard set (C7): falls due by itself, with its evidence, and has a clock."""

    class Outcome(models.TextChoices):
        KEPT = "kept"
        CHANGED = "changed"

    quarter = models.CharField(max_length=6, unique=True)  # the one that is looked at: 2026Q3
    opened_at = models.DateTimeField()
    evidence = models.JSONField(default=dict)  # `queries.evidence.gather`, as it was when it fell due
    outcome = models.CharField(max_length=10, choices=Outcome, blank=True)
    version = models.PositiveIntegerField(null=True)  # of the standard set that came of it
    note = models.TextField(blank=True)
    done_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    done_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.quarter

    @property
    def is_open(self) -> bool:
        return self.done_at is None
