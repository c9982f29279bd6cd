"""What automations did or will do to tickets (D25). The rules themselves are versioned documents."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from jiying.base.models import DueRow, JournalEntry, due_indexes
from jiying.desk.models.tickets import Ticket


class AutomationRun(DueRow):
    """One rule on one ticket, set off by one fact: it waits until `wake_at`, then it is done, refused or cut."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        PARTLY = "partly"  # some of its actions were refused
        REFUSED = "refused"  # all of them were
        CUT = "cut"  # a loop

    rule = models.SlugField(max_length=40)
    version = models.PositiveIntegerField()
    title = models.CharField(max_length=120)
    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="automation_runs", db_index=False)
    cause = models.ForeignKey(
        JournalEntry, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    event = models.CharField(max_length=20)
    about = models.JSONField(default=dict)  # what the fact says that the ticket does not: {metric: …}
    chain = models.JSONField(default=list)  # keys of the rules whose doing led here, the first one first
    is_delayed = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    why = models.JSONField(default=list)  # the conditions that held, with what was found
    outcome = models.JSONField(default=list)  # [{do, value, fault}, …]; or why it was cut
    created_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["cause", "rule", "ticket"], name="automation_run_once"),
        ]
        indexes: ClassVar = [
            *due_indexes("automation_run"),
            models.Index(fields=["ticket", "rule"], name="automation_run_ticket"),
            models.Index(fields=["done_at", "id"], condition=Q(done_at__isnull=False), name="automation_run_log"),
            models.Index(
                fields=["rule", "done_at", "id"], condition=Q(done_at__isnull=False), name="automation_run_rule"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule} v{self.version} on {self.ticket_id}"


class AutomationTime(DueRow):
    """When a rule that goes by the clock runs next: `at`; `cause` and `after` while it looks at the tickets in batches.

    `wake_at` may lie later than `at` after a failure; `cause` is the journal's fact that the time had come.
    """

    rule = models.SlugField(max_length=40, unique=True)
    at = models.DateTimeField()
    cause = models.ForeignKey(
        JournalEntry, null=True, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    after = models.BigIntegerField(default=0)  # id of the last ticket that was looked at

    class Meta:
        indexes: ClassVar = [*due_indexes("automation_time")]

    def __str__(self) -> str:
        return f"{self.rule} {self.at:%Y-%m-%d %H:%M}"
