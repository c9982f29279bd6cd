"""Which of a ticket's portal links is the valid one."""

from django.conf import settings
from django.db import models

from jiying.desk.models import Ticket


class PortalLink(models.Model):
    """The links of a ticket that were given out; only those of the present `generation` open its page.

    A ticket without a row has generation 0. Links are signed, never stored: reading this table opens nothing.
    """

    ticket = models.OneToOneField(Ticket, on_delete=models.CASCADE, related_name="portal_link")
    generation = models.PositiveIntegerField(default=0)
    renewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    renewed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.ticket_id} #{self.generation}"
