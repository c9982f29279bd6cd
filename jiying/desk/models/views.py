"""Saved views of the list of tickets: filters, order and columns under a name; and the columns that somebody likes."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from jiying.base.models import Team


class SavedView(models.Model):
    """Exactly one of owner and team, or neither: for everybody. `filters` as they stand in an address."""

    name = models.CharField(max_length=60)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="saved_views"
    )
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="saved_views")
    filters = models.JSONField(default=dict)
    columns = models.JSONField(default=list)  # empty: those that the reader likes
    revision = models.PositiveIntegerField(default=0)
    changed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(owner=None) | Q(team=None), name="saved_view_one_reach"),
        ]

    def __str__(self) -> str:
        return self.name


class ListColumns(models.Model):
    """The columns that a person wants to see in lists, in their order."""

    person = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="list_columns"
    )
    columns = models.JSONField(default=list)

    def __str__(self) -> str:
        return str(self.person_id)
