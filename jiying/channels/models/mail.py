"""E-mail (D15): how far each mailbox was read, and every mail as it came, with what became of it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from jiying.base.models import Connection, DueRow, due_indexes
from jiying.desk.models import Message, Ticket


class Mailbox(models.Model):
    """The place up to which a mailbox was read, and who reads it now."""

    connection = models.OneToOneField(Connection, on_delete=models.CASCADE, related_name="mailbox")
    uid_validity = models.BigIntegerField(null=True)  # None: never read
    last_uid = models.BigIntegerField(default=0)
    holder = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.connection_id} {self.last_uid}"


class Mail(DueRow):
    """A mail as it came: kept before it is read. Its original is an attachment of kind `mail`."""

    class State(models.TextChoices):
        WAITING = "waiting"
        TAKEN = "taken"  # it opened a ticket, or is a message of one
        AUTOMATIC = "automatic"  # a reply of a program, a report of delivery: opens nothing
        DUPLICATE = "duplicate"
        QUARANTINE = "quarantine"
        DISCARDED = "discarded"

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+", db_index=False)
    uid_validity = models.BigIntegerField()
    uid = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)  # of what was fetched: of one that is too large its headers only
    size = models.PositiveBigIntegerField(default=0)
    received_at = models.DateTimeField()  # by the mailbox
    stored_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    reason = models.CharField(max_length=30, blank=True)
    detail = models.CharField(max_length=200, blank=True)
    header_id = models.CharField(max_length=255, blank=True)  # its Message-ID
    thread = models.JSONField(default=list)  # Message-IDs that it refers to, the eldest first
    sender = models.CharField(max_length=254, blank=True)  # small letters
    sender_name = models.CharField(max_length=120, blank=True)
    answer_to = models.CharField(max_length=254, blank=True)
    to = models.JSONField(default=list)
    cc = models.JSONField(default=list)
    subject = models.CharField(max_length=500, blank=True)
    sent_at = models.DateTimeField(null=True)
    said = models.TextField(blank=True)
    quoted = models.TextField(blank=True)
    signature = models.TextField(blank=True)
    html = models.TextField(blank=True)  # clean; its pictures by the address of the files
    html_quoted = models.TextField(blank=True)
    left = models.JSONField(default=list)  # names of files that stay in the original
    is_cut = models.BooleanField(default=False)
    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.SET_NULL, related_name="mails", db_index=False)
    message = models.OneToOneField(Message, null=True, on_delete=models.SET_NULL, related_name="mail")
    handled_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    handled_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "uid_validity", "uid"], name="mail_once"),
        ]
        indexes: ClassVar = [
            *due_indexes("mail"),
            models.Index(fields=["received_at", "id"], name="mail_log"),
            models.Index(fields=["state", "received_at", "id"], name="mail_state"),
            models.Index(fields=["sender", "received_at"], name="mail_sender"),
            models.Index(fields=["header_id"], condition=~Q(header_id=""), name="mail_message_id"),
            models.Index(fields=["ticket", "received_at"], condition=Q(ticket__isnull=False), name="mail_ticket"),
        ]

    def __str__(self) -> str:
        return f"{self.connection_id} {self.uid}"


class MailSeen(models.Model):
    """What a mail is known by: its Message-ID with its words, and its content. Who has the key first is the mail."""

    key = models.CharField(max_length=66, unique=True)
    mail = models.ForeignKey(Mail, on_delete=models.CASCADE, related_name="seen")

    def __str__(self) -> str:
        return self.key
