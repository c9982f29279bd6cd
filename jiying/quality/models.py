"""Surveys after closing, and the call-backs that bad ratings open (Q1, Q2)."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from jiying.base.models import DueRow, Team, due_indexes
from jiying.core.surveys import Choice
from jiying.desk.models import Ticket


class SurveyDesign(models.Model):
    """What is asked after closing, and whom. The code stays, because surveys name it; the first that fits asks."""

    class Kind(models.TextChoices):
        RATING = "rating"
        NPS = "nps"
        CES = "ces"

    code = models.SlugField(max_length=40, unique=True)
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.RATING)
    items = models.JSONField(default=list)  # of a rating: what is asked besides the whole
    question_zh = models.CharField(max_length=200, blank=True)  # in place of the usual question
    question_en = models.CharField(max_length=200, blank=True)
    channels = models.JSONField(default=list)  # empty: all
    categories = models.JSONField(default=list)
    types = models.JSONField(default=list)
    share = models.PositiveSmallIntegerField(default=100)  # per cent of the tickets that fit
    delay_h = models.PositiveSmallIntegerField(default=0)  # hours from the closing to the asking
    expires_days = models.PositiveSmallIntegerField(default=7)
    tells = models.BooleanField(default=False)  # the customer is sent the link as an automatic reply on the ticket
    reminder_h = models.PositiveSmallIntegerField(default=0)  # and once more so many hours later; 0: never
    quiet_days = models.PositiveSmallIntegerField(default=30)  # no customer is asked twice within; 0: no such rule
    active = models.BooleanField(default=False)
    revision = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.code

    @property
    def choice(self) -> Choice:
        return Choice(tuple(self.channels), tuple(self.categories), tuple(self.types))


class Survey(DueRow):
    """One customer asked about one ticket. Kind, items, people and place are as they were when it was made.

    `wake_at` is when it opens, then when the customer is reminded, then when it ends unanswered. An answer may be
    changed until `expires_at`.
    """

    class State(models.TextChoices):
        PLANNED = "planned"
        OPEN = "open"
        ANSWERED = "answered"
        EXPIRED = "expired"
        WITHDRAWN = "withdrawn"  # its ticket was opened again first

    ticket = models.OneToOneField(Ticket, on_delete=models.CASCADE, related_name="survey")
    design = models.ForeignKey(SurveyDesign, on_delete=models.PROTECT, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=SurveyDesign.Kind)
    items = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=State, default=State.PLANNED)
    made_at = models.DateTimeField()
    opens_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    reminded_at = models.DateTimeField(null=True)
    score = models.PositiveSmallIntegerField(null=True)
    marks = models.JSONField(default=dict)  # {item: 1-5}
    comment = models.TextField(blank=True)
    way = models.CharField(max_length=10, blank=True)  # how the answer came: link | chat | phone | api
    answered_at = models.DateTimeField(null=True)
    n_changes = models.PositiveSmallIntegerField(default=0)
    team = models.ForeignKey(Team, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    agent = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    channel = models.CharField(max_length=10)
    category = models.CharField(max_length=120, blank=True)

    class Meta:
        indexes: ClassVar = [
            *due_indexes("survey"),
            models.Index(fields=["kind", "opens_at"], name="survey_asked"),
            models.Index(fields=["answered_at", "id"], condition=Q(state="answered"), name="survey_answered"),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.state}"


class Callback(models.Model):
    """A customer to be called back after a bad rating (差评溯源), with its own clock; `due_at` is copied from it."""

    class State(models.TextChoices):
        OPEN = "open"
        REACHED = "reached"
        CLOSED = "closed"

    survey = models.OneToOneField(Survey, on_delete=models.CASCADE, related_name="callback")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    cause = models.CharField(max_length=30, blank=True)
    note = models.TextField(blank=True)
    n_tries = models.PositiveSmallIntegerField(default=0)  # calls that reached nobody
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    is_late = models.BooleanField(default=False)
    reached_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reached_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["state", "due_at", "id"], name="callback_due")]

    def __str__(self) -> str:
        return f"{self.survey_id} {self.state}"
