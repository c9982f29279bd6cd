"""Who writes through messengers and social media, and on which ticket each of their conversations goes on."""

from typing import ClassVar

from django.db import models

from jiying.base.models import Connection, DueRow, due_indexes
from jiying.desk.models import Customer, Message, Ticket


class Contact(models.Model):
    """Somebody as a messenger knows them, and whose account it is here."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    external_id = models.CharField(max_length=130)
    name = models.CharField(max_length=80, blank=True)
    customer = models.ForeignKey(Customer, null=True, on_delete=models.SET_NULL, related_name="contacts")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["connection", "external_id"], name="contact_once")]

    def __str__(self) -> str:
        return f"contact {self.pk}"


class Conversation(models.Model):
    """A talk of a messenger, or a public thread, and the ticket on which it goes on."""

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    external_id = models.CharField(max_length=130)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="conversations")
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.SET_NULL, related_name="conversations")
    is_public = models.BooleanField(default=False)  # a post that everybody can read, and so are the answers
    reply = models.JSONField(default=dict)  # what the other side needs for an answer, of the latest message
    last_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "external_id"], name="conversation_once")
        ]

    def __str__(self) -> str:
        return f"conversation {self.pk}"


class Pull(DueRow):
    """A customer-service account whose messages are pulled: up to where they are here, and what is to be pulled now.

    `cursor` moves in the transaction that keeps the messages. `n_bells` counts calls, so that one that comes while a
    pull is under way is answered by another pull.
    """

    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    account = models.CharField(max_length=130)
    cursor = models.CharField(max_length=200, blank=True)
    token = models.CharField(max_length=200, blank=True)
    token_at = models.DateTimeField()
    n_bells = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField()
    pulled_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["connection", "account"], name="pull_once")]
        indexes: ClassVar = [*due_indexes("pull")]

    def __str__(self) -> str:
        return f"{self.account}"


class Enclosure(DueRow):
    """A picture, voice or file of a message that its messenger keeps for us, fetched by the worker.

    `about` is what the other side must be told to hand it out. Without a message it belongs to the ticket's own text.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        FETCHED = "fetched"
        FAILED = "failed"  # given up: people see it on the message, and can have it fetched again

    connection = models.ForeignKey(Connection, null=True, on_delete=models.SET_NULL, related_name="+")
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="enclosures")
    message = models.ForeignKey(Message, null=True, on_delete=models.CASCADE, related_name="enclosures")
    kind = models.CharField(max_length=10)  # image | voice | video | file
    name = models.CharField(max_length=80, blank=True)
    about = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    created_at = models.DateTimeField()
    fetched_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [*due_indexes("enclosure")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
