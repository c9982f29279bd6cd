"""One row is one configured connection with the world: a mailbox, a robot, a hook, a gateway."""

from django.db import models
from django.utils import timezone


class Connection(models.Model):
    """`kind` names who speaks it (`base.connections.KINDS`); `options` are its typed fields, `sealed` its secrets.

    The rest is its live state, written by whoever speaks it: last success and failure, failures in a row, lag.
    """

    kind = models.CharField(max_length=30)
    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    options = models.JSONField(default=dict)
    sealed = models.JSONField(default=dict)
    active = models.BooleanField(default=True)
    revision = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    ok_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    n_failed = models.PositiveIntegerField(default=0)  # in a row
    lag_s = models.FloatField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.code}"
