"""Task flows on tickets (D25a). Flows themselves are versioned documents; a run keeps the version that it started."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from jiying.desk.models.tickets import Ticket


class FlowRun(models.Model):
    """A flow started on a ticket."""

    class State(models.TextChoices):
        RUNNING = "running"
        DONE = "done"  # each step done or skipped
        WITHDRAWN = "withdrawn"  # the ticket ended, or became something else

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="flow_runs")
    flow = models.SlugField(max_length=40)
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=120)
    by_category = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["ticket"], name="flow_run_ticket"),
            models.Index(fields=["flow", "started_at"], name="flow_run_report"),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.flow} v{self.version}"


class FlowStep(models.Model):
    """A step of a run with its own clock; `checklist` is [[text, ticked], …]."""

    class State(models.TextChoices):
        OPEN = "open"
        DONE = "done"
        SKIPPED = "skipped"
        WITHDRAWN = "withdrawn"

    run = models.ForeignKey(FlowRun, on_delete=models.CASCADE, related_name="steps")
    n = models.PositiveSmallIntegerField()
    key = models.CharField(max_length=30)
    title = models.CharField(max_length=120)
    role = models.CharField(max_length=20)
    mandatory = models.BooleanField()
    remind = models.BooleanField()
    checklist = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    ended_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)  # why it was skipped

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "n"], name="flow_step_once")]

    def __str__(self) -> str:
        return f"{self.run_id}.{self.n} {self.key}"
