"""How many tickets an agent has and may have, by channel. Changed only by compare-and-set, and last."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from jiying.base.models import DueRow, due_indexes


class AgentLoad(models.Model):
    """`channel` is a channel code; `n_open` never passes `capacity` by routing (by hand it may)."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="loads")
    channel = models.CharField(max_length=10)
    capacity = models.PositiveSmallIntegerField()
    n_open = models.PositiveIntegerField(default=0)
    idle_since = models.DateTimeField()  # when the last ticket was given: the longest idle breaks ties

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["person", "channel"], name="agent_load_once")]
        indexes: ClassVar = [
            models.Index(
                fields=["channel", "person"],
                condition=models.Q(n_open__lt=models.F("capacity")),
                name="agent_load_free",
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.channel} {self.n_open}/{self.capacity}"


class RouteCall(DueRow):
    """An agent who became able (online, a place free, a skill more): the worker offers what waits (D24)."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")

    class Meta:
        indexes: ClassVar = [
            *due_indexes("route_call"),
        ]

    def __str__(self) -> str:
        return str(self.person_id)
