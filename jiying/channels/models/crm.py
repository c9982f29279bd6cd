"""The link with a CRM: which record is which customer, how far it was read, what it is to hear."""

from typing import ClassVar

from django.db import models

from jiying.base.models import Connection, DueRow, due_indexes
from jiying.desk.models import Customer, Ticket


class CrmLink(models.Model):
    """Which record of a CRM is which customer. Of the record itself nothing is kept but its number."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="crm_links")
    ref = models.CharField(max_length=80)
    met_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "ref"], name="crm_link_ref"),
            models.UniqueConstraint(fields=["connection", "customer"], name="crm_link_customer"),
        ]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.ref}"


class CrmPlace(models.Model):
    """How far the changes of a CRM have been read: its own cursor."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="+")
    cursor = models.CharField(max_length=200, blank=True)
    read_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.connection_id} {self.cursor}"


class CrmSend(DueRow):
    """What a CRM is to hear: a customer to compare (no ticket), or how a ticket ended. `key` makes it once."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=80, unique=True)
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = due_indexes("crm_send")

    def __str__(self) -> str:
        return self.key
