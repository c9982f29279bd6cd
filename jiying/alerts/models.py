"""Alerts to people, and the deliveries that carry them out of the house."""

from collections.abc import Sequence
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from jiying.base.models import Connection, DueRow, Team


class Alert(models.Model):
    """One thing that one person is told. `key` is unique: the same fact is told to the same person once.

    `at` is when it became true (the due instant), `noticed_at` when it was seen; `late` marks a catch-up.
    """

    class State(models.TextChoices):
        NEW = "new"
        SEEN = "seen"
        ACKNOWLEDGED = "acknowledged"
        WITHDRAWN = "withdrawn"

    key = models.CharField(max_length=120, unique=True)
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="alerts")
    capacity = models.CharField(max_length=20)
    kind = models.CharField(max_length=30)  # clock.warn1, clock.due, ticket.escalated …
    severity = models.CharField(max_length=10)  # notice | warning | breach | critical
    subject_kind = models.CharField(max_length=20)
    subject_id = models.BigIntegerField()
    data = models.JSONField(default=dict)
    at = models.DateTimeField()
    noticed_at = models.DateTimeField()
    late = models.BooleanField(default=False)
    state = models.CharField(max_length=15, choices=State, default=State.NEW)
    seen_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)
    delivery = models.ForeignKey("Delivery", null=True, on_delete=models.SET_NULL, related_name="alerts")

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["person", "-at"], name="alert_person"),
            models.Index(fields=["person"], condition=Q(state="new"), name="alert_new"),
            models.Index(fields=["subject_kind", "subject_id"], name="alert_subject"),
        ]

    def __str__(self) -> str:
        return self.key


class Delivery(DueRow):
    """One message by one way: a single alert, or a digest of those that came together.

    A mail or a text message goes to a person; what a robot or hook carries goes to a group, by its `connection`. The
    alerts of a mail name it themselves (`Alert.delivery`); those of other ways are `carried`, for an alert may go out
    by several.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        WITHHELD = "withheld"  # its reason had passed before it went out
        DEAD = "dead"

    person = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="+")
    connection = models.ForeignKey(Connection, null=True, on_delete=models.CASCADE, related_name="+")
    carried = models.ManyToManyField(Alert, related_name="+")
    way = models.CharField(max_length=20)  # mail | sms | group
    key = models.CharField(max_length=64, unique=True)  # lets the receiver drop a repeat
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    target = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["wake_at"], condition=Q(wake_at__isnull=False), name="delivery_due"),
            models.Index(fields=["parked_at"], condition=Q(parked_at__isnull=False), name="delivery_dead"),
            models.Index(
                fields=["connection", "id"], condition=Q(wake_at__isnull=False), name="delivery_by_connection"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.way} {self.key}"

    @property
    def told(self) -> models.QuerySet[Alert]:
        """The alerts of which it tells."""
        return self.alerts.all() if self.way == "mail" else self.carried.all()

    def let_go(self, alert_ids: Sequence[int]) -> None:
        """These alerts are not told by it."""
        if self.way == "mail":
            Alert.objects.filter(pk__in=alert_ids).update(delivery=None)
        else:
            self.carried.remove(*alert_ids)


class Bucket(models.Model):
    """What a robot's limit has left: when its last messages went (`core.buckets`), and until when it asked for rest.

    One for each address: two connections to the same robot share its limit.
    """

    key = models.CharField(max_length=80, primary_key=True)
    taken = models.JSONField(default=list)
    rests_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.key


class OnCall(models.Model):
    """A person who is told from `starts_at` until `ends_at` what falls due for a team; without one, for all teams."""

    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="on_call")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="on_call_length")]
        indexes: ClassVar = [models.Index(fields=["ends_at"], name="on_call_end")]

    def __str__(self) -> str:
        return f"{self.person_id} {self.starts_at:%Y-%m-%d %H:%M}"


class Wish(models.Model):
    """What a person wishes for messages that leave the house; a person without a row gets them at once."""

    person = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="alert_wish")
    quiet_from = models.CharField(max_length=5, blank=True)  # HH:MM of the person's own zone
    quiet_to = models.CharField(max_length=5, blank=True)
    digest_min = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.person_id}"
