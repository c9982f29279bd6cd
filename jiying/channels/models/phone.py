"""Calls of the telephone system, and the list of those who are to be called back."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from jiying.base.models import Connection
from jiying.desk.models import Customer, Message, Ticket


class CallBack(models.Model):
    """Somebody who called in vain and is to be called: one open row for each number, however often they called."""

    class State(models.TextChoices):
        OPEN = "open"
        CLAIMED = "claimed"
        DONE = "done"
        GIVEN_UP = "given_up"  # not reached after the last try
        WITHDRAWN = "withdrawn"  # somebody talked with them after all

    number = models.CharField(max_length=40)
    customer = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL, related_name="+")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="call_backs")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    called_at = models.DateTimeField()  # when they called last
    n_tries = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True)  # after a try that did not reach them
    claimed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    claimed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["number"], condition=Q(state__in=("open", "claimed")) & ~Q(number=""), name="call_back_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["called_at"], condition=Q(state__in=("open", "claimed")), name="call_back_open")
        ]

    def __str__(self) -> str:
        return f"call back {self.pk}"


class Extension(models.Model):
    """Where somebody sits, by their own word."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="extension")
    number = models.CharField(max_length=20, unique=True)
    since = models.DateTimeField()

    def __str__(self) -> str:
        return self.number


class PhoneCall(models.Model):
    """A call with all events that came of it; the other columns are what `core.phone` makes of them."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    call_id = models.CharField(max_length=100)
    events = models.JSONField(default=dict)
    state = models.CharField(max_length=10, default="unknown")
    direction = models.CharField(max_length=3, default="in")
    caller = models.CharField(max_length=40, blank=True)
    called = models.CharField(max_length=40, blank=True)
    queue = models.CharField(max_length=60, blank=True)
    agent = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    begun_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    duration_s = models.PositiveIntegerField(default=0)
    recording_url = models.CharField(max_length=500, blank=True)
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.SET_NULL, related_name="phone_calls")
    opened_it = models.BooleanField(default=False)  # this call opened the ticket
    message = models.ForeignKey(Message, null=True, on_delete=models.SET_NULL, related_name="+")
    call_back = models.ForeignKey(CallBack, null=True, on_delete=models.SET_NULL, related_name="calls")
    result = models.CharField(max_length=20, blank=True)
    wrapped_at = models.DateTimeField(null=True)
    wrapped_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["connection", "call_id"], name="phone_call_once")]
        indexes: ClassVar = [models.Index(fields=["begun_at"], name="phone_call_begun")]

    def __str__(self) -> str:
        return f"call {self.pk}"
