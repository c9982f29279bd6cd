"""What a read mail is: finished values only, so that nobody above touches MIME."""

from dataclasses import dataclass

MESSAGE, AUTO_REPLY, BOUNCE = "message", "auto_reply", "bounce"


@dataclass(frozen=True, slots=True)
class Address:
    """`addr` as it was written; compared by `key`."""

    addr: str
    name: str = ""

    @property
    def key(self) -> str:
        return self.addr.lower()


@dataclass(frozen=True, slots=True)
class File:
    """An attachment or an inline picture; `cid` is how the HTML names it. `left` tells why it stays in the original."""

    name: str
    media_type: str
    content: bytes
    cid: str = ""
    left: str = ""


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a report of delivery tells (RFC 3464, or the habits of mailers without it)."""

    failed: bool  # False: only delayed, or delivered
    recipients: tuple[str, ...]
    status: str  # such as 5.1.1
    reason: str
    message_id: str  # of the mail that did not arrive; empty where the report does not say


@dataclass(frozen=True, slots=True)
class Parsed:
    """A mail. `said` is what its writer added; quoted text and signature stand beside it, the whole in `text`."""

    message_id: str
    references: tuple[str, ...]  # In-Reply-To last
    sender: Address | None
    reply_to: Address | None
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    subject: str
    sent_at: int | None
    text: str
    said: str
    quoted: str
    signature: str
    html: str  # clean; empty: there was none
    html_quoted: str
    files: tuple[File, ...]
    nature: str  # message | auto_reply | bounce
    why: str  # the mark by which it is no message: a header's name, `subject`, …
    bounce: Bounce | None
    loop: str  # the value of our own mark, where the mail has passed through a desk like this one
    cut: bool  # text or HTML was longer than is kept; the original holds all
    fingerprint: str  # of sender, date, subject, words and files: the same mail however it was sent again
    identity: str  # of Message-ID, sender, subject and words; empty without a Message-ID

    @property
    def answer_to(self) -> Address | None:
        return self.reply_to or self.sender


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A mail that was not read: too_large, too_deep, too_many_parts, empty or broken, and what was met."""

    reason: str
    detail: str = ""
