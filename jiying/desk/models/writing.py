"""What people write with: canned texts, drafts that wait, mentions, and who is at a ticket just now."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from jiying.base.models import Team
from jiying.desk.models.tickets import Message, Ticket


class CannedText(models.Model):
    """A text that is inserted by its shortcut (常用语). Exactly one of owner and team, or neither: for everybody."""

    title = models.CharField(max_length=80)
    shortcut = models.CharField(max_length=40, blank=True)
    body = models.TextField()
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.CASCADE, related_name="canned_texts"
    )
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.CASCADE, related_name="canned_texts")
    n_used = models.PositiveIntegerField(default=0)
    used_at = models.DateTimeField(null=True)
    revision = models.PositiveIntegerField(default=0)
    changed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(owner=None) | Q(team=None), name="canned_text_one_reach"),
        ]

    def __str__(self) -> str:
        return self.title


class Draft(models.Model):
    """What one person has begun to write on a ticket. Its files hang on it until the message takes them over."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="drafts")
    kind = models.CharField(max_length=10)  # reply | note | call
    body = models.TextField(blank=True)
    last_seen = models.BigIntegerField(default=0)  # id of the latest message when the writing began
    changed_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["person", "ticket", "kind"], name="draft_once")]
        indexes: ClassVar = [models.Index(fields=["changed_at"], name="draft_changed")]

    def __str__(self) -> str:
        return f"{self.person_id} {self.ticket_id} {self.kind}"


class Mention(models.Model):
    """Somebody was named in a note. `told` is False where they may not see the ticket, and so were not told."""

    message = models.ForeignKey(Message, on_delete=models.CASCADE, related_name="mentions")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="mentions")
    told = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["message", "person"], name="mention_once")]

    def __str__(self) -> str:
        return f"{self.message_id} @{self.person_id}"


class Watcher(models.Model):
    """Somebody has a ticket open (D5). A short-lived row: what is older than a minute means nothing."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="watchers")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField()
    writes = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["ticket", "person"], name="watcher_once")]
        indexes: ClassVar = [models.Index(fields=["at"], name="watcher_at")]

    def __str__(self) -> str:
        return f"{self.person_id} at {self.ticket_id}"
