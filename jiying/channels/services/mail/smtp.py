"""A mail on its way out: one signed-in line for a batch, and what a refusal means. Composes nothing."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address as HeaderAddress

from django.utils.translation import gettext as _

from jiying.base import outgoing
from jiying.base.connections import Failed
from jiying.base.guarding import guarded
from jiying.core.mail import Address

TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Login:
    """`user` empty: nobody signs in."""

    host: str
    port: int
    safety: str  # tls | starttls | none
    user: str
    password: str = field(repr=False)


class Refused(Failed):
    """It did not go out; `final`: trying again cannot help."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.final = final


class Line:
    """A line that is open; a refused mail does not close it."""

    def __init__(self, server: smtplib.SMTP) -> None:
        self._server = server

    def send(self, sender: str, to: str, raw: bytes) -> None:
        """Returns when the server has taken the mail; raises Refused."""
        try:
            self._server.sendmail(sender, [to], raw)
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()), (0, b""))
            raise Refused(_said(code, text), final=500 <= code < 600) from error
        except smtplib.SMTPResponseException as error:
            self._reset()
            is_final = isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500
            raise Refused(_said(error.smtp_code, error.smtp_error), final=is_final) from error
        except (smtplib.SMTPException, OSError) as error:
            raise Refused(_("The mail server broke off: %(why)s") % {"why": _plain(error)}) from error

    def _reset(self) -> None:
        with suppress(smtplib.SMTPException, OSError):
            self._server.rset()


@contextmanager
def line(login: Login) -> Iterator[Line]:
    """Signs in; raises `Failed` where that is not possible."""
    server = _connect(login)
    try:
        yield Line(server)
    finally:
        with suppress(smtplib.SMTPException, OSError):
            server.quit()


def _connect(login: Login) -> smtplib.SMTP:
    try:
        return _signed_in(login)
    except smtplib.SMTPAuthenticationError as error:
        about = {"user": login.user, "why": _said(error.smtp_code, error.smtp_error)}
        raise Refused(_("The mail server refused %(user)s: %(why)s") % about) from error
    except ssl.SSLCertVerificationError as error:
        about = {"host": login.host, "why": error.verify_message}
        raise Refused(_("The certificate of %(host)s cannot be trusted: %(why)s") % about) from error
    except (smtplib.SMTPException, OSError, outgoing.Refused) as error:
        about = {"host": login.host, "port": str(login.port), "why": _plain(error)}
        raise Refused(_("%(host)s:%(port)s cannot be reached: %(why)s") % about) from error


def _signed_in(login: Login) -> smtplib.SMTP:
    context = ssl.create_default_context()
    with guarded(login.host):
        if login.safety == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(login.host, login.port, timeout=TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(login.host, login.port, timeout=TIMEOUT_S)
    try:
        if login.safety == "starttls":
            server.starttls(context=context)
        if login.user:
            server.login(login.user, login.password)
    except BaseException:  # nothing more is said on a line that cannot be encrypted or signed in on
        server.close()
        raise
    return server


def checked(address: Address) -> Address:
    """The address, if somebody can be written to under it."""
    try:
        HeaderAddress(addr_spec=address.addr)
    except (ValueError, IndexError, MessageError) as error:
        raise Failed(address.addr) from error
    return address


def _said(code: int, text: bytes | str) -> str:
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {' '.join(words.split())}"[:300]


def _plain(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
