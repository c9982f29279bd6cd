"""What a chat is besides its ticket, and how often those without an account have knocked."""

from typing import ClassVar

from django.db import models

from jiying.base.models import Connection, DueRow, due_indexes
from jiying.desk.models import Ticket

CHANNEL = "chat"


class Chat(models.Model):
    """What a ticket of the channel `chat` has besides its messages: where it was begun, and who is there.

    Messages and clocks are the ticket's. The visitor's key to it is signed, never stored.
    """

    ticket = models.OneToOneField(Ticket, on_delete=models.CASCADE, related_name="chat")
    widget = models.ForeignKey(Connection, null=True, on_delete=models.SET_NULL, related_name="+")
    language = models.CharField(max_length=10, default="zh-hans")
    page_url = models.CharField(max_length=500, blank=True)  # where the visitor was when it began
    page_title = models.CharField(max_length=200, blank=True)
    seen_id = models.BigIntegerField(default=0)  # the latest message that its agent has seen
    here_at = models.DateTimeField()  # the visitor was last heard of
    left_at = models.DateTimeField(null=True)  # their page was closed; empty again when they are back
    ended_at = models.DateTimeField(null=True)  # the visitor said good-bye

    def __str__(self) -> str:
        return f"chat of {self.ticket_id}"


class Transcript(DueRow):
    """A chat to be mailed to its visitor."""

    chat = models.ForeignKey(Chat, on_delete=models.CASCADE, related_name="transcripts")
    address = models.EmailField()
    asked_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [*due_indexes("transcript")]

    def __str__(self) -> str:
        return f"transcript of {self.chat_id}"


class Knock(models.Model):
    """How often somebody without an account did something within a span of time; dropped when that is over."""

    key = models.CharField(max_length=100, primary_key=True)
    n = models.PositiveIntegerField(default=0)
    until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.key}: {self.n}"
