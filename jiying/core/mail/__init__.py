"""Mail read and written without a server: raw bytes become a `Parsed` or a reason why not; a `Letter` becomes bytes."""

from jiying.core.mail.parsing import MAX_BYTES, parse
from jiying.core.mail.types import AUTO_REPLY, BOUNCE, MESSAGE, Address, Bounce, File, Parsed, Unreadable
from jiying.core.mail.writing import Letter, NotAnAddress, compose, subject

__all__ = [
    "AUTO_REPLY",
    "BOUNCE",
    "MAX_BYTES",
    "MESSAGE",
    "Address",
    "Bounce",
    "File",
    "Letter",
    "NotAnAddress",
    "Parsed",
    "Unreadable",
    "compose",
    "parse",
    "subject",
]
