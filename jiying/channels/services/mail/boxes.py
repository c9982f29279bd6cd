"""The connection kind “mailbox”: what is filled in, how it is tried out, and what `Open` means in types."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from jiying.base import connections
from jiying.base.connections import Failed, Field, Kind, Open
from jiying.base.errors import Fault
from jiying.base.models import Team
from jiying.channels.models import Mail, Outbox
from jiying.channels.services.mail import imap, smtp
from jiying.core.mail import Address
from jiying.desk.queries import categories

KIND = "mailbox"
_SAFETY = (("tls", _l("TLS")), ("starttls", _l("STARTTLS")), ("none", _l("none (inside the house only)")))


@dataclass(frozen=True, slots=True)
class Box:
    """A mailbox with its settings."""

    pk: int
    code: str
    name: str
    address: Address
    imap: imap.Login
    smtp: smtp.Login
    folder: str
    poll_s: int
    takes_old: bool
    category: str
    signature: str
    others: frozenset[str]
    revision: int

    @property
    def own(self) -> frozenset[str]:
        """The addresses that are ours: what comes from one of them came from ourselves."""
        return self.others | {self.address.key}


def of(found: Open) -> Box:
    told, secrets = found.options, found.secrets
    password = secrets.get("password", "")
    user = str(told["user"] or told["address"])
    return Box(
        pk=found.pk,
        code=found.code,
        name=found.name,
        address=Address(str(told["address"]), str(told["sender_name"])),
        imap=imap.Login(str(told["imap_host"]), int(told["imap_port"]), str(told["imap_safety"]), user, password),
        smtp=smtp.Login(
            str(told["smtp_host"]),
            int(told["smtp_port"]),
            str(told["smtp_safety"]),
            str(told["smtp_user"] or user) if told["smtp_signs_in"] else "",
            secrets.get("smtp_password") or password,
        ),
        folder=str(told["folder"]),
        poll_s=int(told["poll_s"]),
        takes_old=bool(told["takes_old"]),
        category=str(told["category"]),
        signature=str(told["signature"]),
        others=frozenset(str(one).strip().lower() for one in told["others"]),
        revision=found.revision,
    )


def opened() -> list[Box]:
    return [of(found) for found in connections.opened(KIND)]


def by_id(pk: int) -> Box | None:
    found = connections.open_by_id(pk)
    return of(found) if found is not None and found.kind == KIND else None


def _try(found: Open) -> str:
    box = of(found)
    with imap.session(box.imap) as session:
        n = session.count(box.folder)
        idle = session.can_idle
    with smtp.line(box.smtp):
        pass
    way = _("news are told at once") if idle else _("looked at every %(n)s s") % {"n": box.poll_s}
    about = {"folder": box.folder, "n": n, "way": way, "host": box.smtp.host}
    return _("Read %(folder)s with %(n)s mails (%(way)s); signed in for sending at %(host)s.") % about


def _check(told: Mapping[str, Any]) -> Sequence[Fault]:
    address = str(told["address"])
    try:
        smtp.checked(Address(address, str(told["sender_name"])))
    except Failed:
        return [Fault("address", "bad_email", {"value": address[:80]})]
    return []


def _more(found: Open, now: datetime) -> Sequence[tuple[Any, str]]:
    mails, letters = Mail.objects.filter(connection=found.pk), Outbox.objects.filter(connection=found.pk)
    return [
        (_l("In quarantine"), str(mails.filter(state=Mail.State.QUARANTINE).count())),
        (_l("Waiting to be sent"), str(letters.filter(state=Outbox.State.WAITING).count())),
        (_l("Not sent"), str(letters.filter(state=Outbox.State.FAILED).count())),
    ]


def _categories() -> list[tuple[str, Any]]:
    return [("", _l("by the rules")), *((one.path, one.label) for one in categories.choices())]


def teams() -> list[tuple[str, str]]:
    return [(team.code, team.name) for team in Team.objects.order_by("name")]


MAILBOX = Kind(
    KIND,
    _l("Mailbox"),
    "mail",
    hint=_l("What arrives there becomes tickets; answers leave from it. The mails themselves stay where they are."),
    fields=(
        Field("address", _l("Address"), required=True, hint=_l("Answers leave from it.")),
        Field("sender_name", _l("Name of the sender")),
        Field("imap_host", _l("IMAP server"), "host", required=True),
        Field("imap_port", _l("IMAP port"), "number", default=993, low=1, high=65_535, required=True),
        Field("imap_safety", _l("IMAP encryption"), "choice", default="tls", choices=_SAFETY, required=True),
        Field("user", _l("User"), hint=_l("Empty: the address.")),
        Field("folder", _l("Folder"), default="INBOX", required=True),
        Field("poll_s", _l("Look every so many seconds"), "number", default=15, low=2, high=3_600, required=True,
              hint=_l("Where the server does not tell of new mail by itself (IDLE).")),
        Field("takes_old", _l("Take in what lies there already"), "tick"),
        Field("smtp_host", _l("SMTP server"), "host", required=True),
        Field("smtp_port", _l("SMTP port"), "number", default=465, low=1, high=65_535, required=True),
        Field("smtp_safety", _l("SMTP encryption"), "choice", default="tls", choices=_SAFETY, required=True),
        Field("smtp_signs_in", _l("Sign in for sending"), "tick", default=True),
        Field("smtp_user", _l("User for sending"), hint=_l("Empty: the same.")),
        Field("category", _l("Category of its tickets"), "choice", choices=_categories),
        Field("team", _l("Team of its tickets"), "choice", choices=teams,
              hint=_l("Where their category names none. Mail to customers of a team leaves by its mailbox.")),
        Field("signature", _l("Signature below answers"), "prose"),
        Field("others", _l("Other addresses of this mailbox"), "lines",
              hint=_l("Mail from one of our own addresses opens no tickets, so that no loop comes about.")),
    ),
    secrets=(
        Field("password", _l("Password"), required=True, hint=_l("Many providers want an authorization code here.")),
        Field("smtp_password", _l("Password for sending"), hint=_l("Empty: the same.")),
    ),
    check=_check,
    test=_try,
    more=_more,
)  # fmt: skip
