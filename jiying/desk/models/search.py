"""What search looks into: each ticket's text with its words, customers' names. Made anew from the tickets at any time.

The databases keep their own index of `words` (triggers and FTS5, or a generated tsvector with GIN: see the migration),
so that whoever writes these rows by whatever way has indexed them.
"""

from typing import ClassVar

from django.db import models

from jiying.desk.models.customers import Customer
from jiying.desk.models.tickets import Ticket


class SearchText(models.Model):
    """`words`: distinct, with a space between, and marks of who may see the ticket and how it is filed.

    `text`: parts with a letter for what they are, see `queries.search_text`; `tail`: the number's digits backwards.
    """

    ticket = models.OneToOneField(Ticket, primary_key=True, on_delete=models.CASCADE, related_name="+")
    tail = models.CharField(max_length=24, db_index=True)
    text = models.TextField()
    words = models.TextField()

    def __str__(self) -> str:
        return str(self.ticket_id)


class SearchName(models.Model):
    """A customer's name or organisation from one of its characters on: its beginnings are parts of the name."""

    customer = models.ForeignKey(Customer, on_delete=models.CASCADE, related_name="+")
    piece = models.CharField(max_length=40, db_index=True)
    is_whole = models.BooleanField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["customer", "piece"], name="search_name_once")]

    def __str__(self) -> str:
        return f"customer {self.customer_id}"
