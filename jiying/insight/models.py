"""Reports that were made by themselves and are kept as they were, who hears of them, and people's dashboards."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from jiying.base.models import Team


class KeptReport(models.Model):
    """The report over a day, week or month, of all tickets or (`team`) of a team's, with the figures of its making."""

    kind = models.CharField(max_length=10)  # day | week | month
    first = models.DateField()
    last = models.DateField()
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE, related_name="+")
    made_at = models.DateTimeField()
    body = models.JSONField()  # `queries.reports.Report`

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["kind", "first"], condition=Q(team__isnull=True), name="report_once_for_all"
            ),
            models.UniqueConstraint(
                fields=["team", "kind", "first"], condition=Q(team__isnull=False), name="report_once_for_team"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["-last", "kind"], name="report_newest")]

    def __str__(self) -> str:
        return f"{self.kind} {self.first} {self.team_id or ''}"


class ReportSubscription(models.Model):
    """Somebody is told when a report of this kind has been made."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["person", "kind"], name="report_subscribed_once")]

    def __str__(self) -> str:
        return f"{self.person_id} {self.kind}"


class Dashboard(models.Model):
    """The cards that somebody arranged, in their order; who arranged nothing has the usual ones and no row."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    cards = models.JSONField(default=list)  # [{"key": number, "card": `queries.cards.asked`}]
    revision = models.PositiveIntegerField(default=0)
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.person_id} {len(self.cards)}"
