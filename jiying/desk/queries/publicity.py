"""Whether what is said on a ticket can be read by everybody. Floors above that know say so, from `AppConfig.ready`.

Automatic answers ask here: to a public thread they name nobody and carry no link that is the customer's own.
"""

from collections.abc import Callable

TELLERS: list[Callable[[int], bool]] = []


def is_public(ticket_id: int) -> bool:
    """A query for each teller."""
    return any(tell(ticket_id) for tell in TELLERS)
