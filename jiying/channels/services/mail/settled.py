"""What is the same for all mail of this house: the mark by which it knows itself, a mail as a message's text."""

import hashlib

from django.conf import settings
from django.utils.translation import gettext as _

from jiying.channels.models import Mail
from jiying.desk.services.talking import MAX_BODY


def loop_mark() -> str:
    """Tells our own mail from that of another desk, and tells strangers nothing."""
    return hashlib.sha256(f"jiying.mail\x1f{settings.SECRET_KEY}".encode()).hexdigest()[:32]


def body_of(row: Mail) -> str:
    """What was said, as a message holds it; what is longer stands in the original."""
    text = row.said.strip() or _("(no text)")
    return text if len(text) <= MAX_BODY else text[: MAX_BODY - 1] + "…"
