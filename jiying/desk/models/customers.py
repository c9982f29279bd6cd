"""Customers (D11). Personal data is stored plain here and masked wherever it is shown (D12)."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone


class Customer(models.Model):
    ref = models.CharField(max_length=80, null=True, blank=True, unique=True)  # noqa: DJ001 - NULL: no outside key
    name = models.CharField(max_length=120, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    phone_tail = models.CharField(max_length=4, blank=True)
    email = models.EmailField(blank=True)
    address = models.CharField(max_length=300, blank=True)
    region = models.CharField(max_length=40, blank=True)  # as the centre divides its market; never masked
    organisation = models.CharField(max_length=120, blank=True)
    tier = models.CharField(max_length=20, default="standard")
    language = models.CharField(max_length=10, blank=True)
    tags = models.JSONField(default=list)
    dedicated = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    erased_at = models.DateTimeField(null=True, blank=True)
    revision = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["email"], name="customer_email"),
            models.Index(fields=["phone"], name="customer_phone"),
            models.Index(fields=["phone_tail"], name="customer_phone_tail"),
        ]

    def __str__(self) -> str:
        return f"customer {self.pk}"

    @property
    def is_vip(self) -> bool:
        return self.tier == "vip"


class ContactKey(models.Model):
    """The one customer whom a phone number (its digits) or an e-mail address (small letters) leads to.

    Unique in the database: two requests that come at once with the same new number make one customer.
    """

    class Kind(models.TextChoices):
        EMAIL = "email"
        PHONE = "phone"

    kind = models.CharField(max_length=5, choices=Kind)
    value = models.CharField(max_length=254)
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="contact_keys")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "value"], name="contact_key_once")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.customer_id}"
