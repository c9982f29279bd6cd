"""What a solved ticket is booked on (D5a): trees of causes, solutions and process steps, and what was chosen."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from jiying.desk.models.tickets import Ticket


class Code(models.Model):
    """A node of one of the trees; it is offered for tickets of its category and below, an empty one for all."""

    class Kind(models.TextChoices):
        CAUSE = "cause"
        SOLUTION = "solution"
        STEP = "step"  # of our own process, where the fault lay

    kind = models.CharField(max_length=10, choices=Kind)
    path = models.CharField(max_length=120)
    category = models.CharField(max_length=120, blank=True)
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True)
    active = models.BooleanField(default=True)
    revision = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "path"], name="code_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.path}"


class Closing(models.Model):
    """The codes of a ticket, as last solved: paths, empty where none was chosen."""

    ticket = models.OneToOneField(Ticket, on_delete=models.CASCADE, related_name="closing")
    cause = models.CharField(max_length=120, blank=True)
    solution = models.CharField(max_length=120, blank=True)
    step = models.CharField(max_length=120, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["at"], name="closing_at")]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.cause} {self.solution} {self.step}"
