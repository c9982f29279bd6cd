"""Small tables that several features share: settings, counters, jobs, ticks, idempotency keys, cache."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils import timezone

from jiying.base.models.due import DueRow, due_indexes


class Setting(models.Model):
    """One business setting; its type and default stand in `base.settings_store`."""

    key = models.CharField(max_length=60, primary_key=True)
    value = models.JSONField()
    revision = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.key


class Counter(models.Model):
    """A rising number by name, taken in a short transaction of its own (`base.counters`)."""

    name = models.CharField(max_length=60, primary_key=True)
    value = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return self.name


class Tick(models.Model):
    """A periodic task's turn: whoever inserts the row runs it, however many schedulers there are."""

    name = models.CharField(max_length=60)
    at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["name", "at"], name="tick_once"),)

    def __str__(self) -> str:
        return f"{self.name} {self.at:%F %T}"


class IdempotencyKey(models.Model):
    """A call that was done: the same key of the same caller gives the first answer again (`base.api.repeating`)."""

    actor = models.CharField(max_length=40)
    key = models.CharField(max_length=120)
    digest = models.CharField(max_length=64)  # of the request: another body under the same key is refused
    subject_kind = models.CharField(max_length=20, blank=True)
    subject_id = models.BigIntegerField(null=True)
    status = models.PositiveSmallIntegerField(default=201)
    location = models.CharField(max_length=200, blank=True)
    answer = models.TextField(blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["actor", "key"], name="idempotency_once"),)

    def __str__(self) -> str:
        return self.key


class Job(DueRow):
    """Long work with progress (Z11): resumes from `cursor` after a restart, can be cancelled."""

    kind = models.CharField(max_length=40)
    params = models.JSONField(default=dict)
    cursor = models.JSONField(default=dict)
    n_done = models.PositiveIntegerField(default=0)
    n_total = models.PositiveIntegerField(default=0)
    result = models.JSONField(default=dict)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes: ClassVar = [
            *due_indexes("job"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.n_done}/{self.n_total}"


class CacheRow(models.Model):
    """The table of Django's database cache (rate limits, lock-out); made here so that migrations own it."""

    cache_key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField()
    expires = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "base_cache"

    def __str__(self) -> str:
        return self.cache_key


class Whisper(models.Model):
    """A ring of the live stream that is no fact: who looks, who types. Kept for a minute, never journalled."""

    topic = models.CharField(max_length=60)
    kind = models.CharField(max_length=20)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind} {self.topic}"
