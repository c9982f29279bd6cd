"""What of a customer's mails goes with them: senders and originals always, words where texts go. Times stay."""

from collections.abc import Sequence

from django.db import transaction

from jiying.base import files
from jiying.base.models import Attachment
from jiying.channels.models import Mail
from jiying.desk.models import Customer

_WHO = {
    **dict.fromkeys(("sender", "sender_name", "answer_to", "header_id", "sha256"), ""),
    **{name: [] for name in ("thread", "to", "cc")},
}
_WORDS = {
    **dict.fromkeys(("subject", "said", "quoted", "signature", "html", "html_quoted", "detail"), ""),
    "left": [],
}


def erase(tickets: Sequence[int], with_texts: bool) -> None:
    """In the caller's transaction; bytes go after the commit, unless the same file hangs on something else."""
    ids = list(Mail.objects.filter(ticket__in=tickets).values_list("pk", flat=True))
    _blank(ids, with_texts)


def erase_loose(customer: Customer) -> None:
    """Mails of their address that became no ticket."""
    if customer.email:
        loose = Mail.objects.filter(sender=customer.email.lower(), ticket=None)
        _blank(list(loose.values_list("pk", flat=True)), True)


def _blank(ids: Sequence[int], with_texts: bool) -> None:
    Mail.objects.filter(pk__in=ids).update(**_WHO, **(_WORDS if with_texts else {}))
    rows = list(Attachment.objects.filter(subject_kind="mail", subject_id__in=ids))
    Attachment.objects.filter(pk__in=[row.pk for row in rows]).delete()
    transaction.on_commit(lambda: files.forget(rows))
