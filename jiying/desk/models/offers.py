"""Offers made to a customer on a ticket (D5): a longer warranty, a voucher, a plan …, and what the customer said."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from jiying.desk.models.tickets import Ticket


class OfferKind(models.Model):
    """What may be offered. The code stays, because offers name it."""

    code = models.SlugField(max_length=40, unique=True)
    name_zh = models.CharField(max_length=80)
    name_en = models.CharField(max_length=80, blank=True)
    active = models.BooleanField(default=True)
    revision = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.code


class CustomerOffer(models.Model):
    """One offer; it is open until the customer answers it, it is taken back, or its ticket ends."""

    class State(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        REFUSED = "refused"
        WITHDRAWN = "withdrawn"
        LAPSED = "lapsed"  # its ticket ended first

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="offers")
    kind = models.ForeignKey(OfferKind, on_delete=models.PROTECT, related_name="+")
    value = models.CharField(max_length=120, blank=True)  # in words: 12 个月, 2 GB …
    amount = models.BigIntegerField(null=True, blank=True)  # of money, in the smallest unit (分)
    note = models.TextField(blank=True)  # for colleagues
    is_shown = models.BooleanField(default=False)  # the customer sees it by the link of the ticket and may answer it
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField()
    answer_note = models.TextField(blank=True)
    by_customer = models.BooleanField(default=False)  # they answered it themselves; else somebody wrote it down
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["made_at"], name="offer_made"),
            models.Index(fields=["ticket"], condition=Q(state="open"), name="offer_open"),
        ]

    def __str__(self) -> str:
        return f"{self.ticket_id} {self.kind_id} {self.state}"
