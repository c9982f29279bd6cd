"""The line to the mail server: one connection for a batch, opened at its first mail, and what a failure means."""

import smtplib
from types import TracebackType

from django.conf import settings
from django.core import mail

REFUSALS = (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused)


class NotSent(Exception):
    """The message did not go out. `maybe`: it may have arrived all the same; `final`: trying again cannot help;
    `wait_s`: the other side asks not to be asked again so soon."""

    def __init__(self, why: str, *, maybe: bool = False, final: bool = False, wait_s: int = 0) -> None:
        super().__init__(why)
        self.maybe, self.final, self.wait_s = maybe, final, wait_s


class Line:
    """Sends mails over one connection. Once the server is gone, every further mail of the batch fails at once."""

    def __init__(self) -> None:
        self._connection = mail.get_connection()
        self._broken = ""

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._connection.close()

    def send(self, message: mail.EmailMessage) -> None:
        """Returns when the server has taken the message; raises NotSent."""
        self._dial()
        try:
            self._connection.send_messages([message])
        except REFUSALS as error:
            raise NotSent(_say(error), final=_is_final(error)) from error
        except (smtplib.SMTPException, OSError) as error:  # cut off: nobody knows whether it had been taken
            self._broken = _say(error)
            raise NotSent(self._broken, maybe=True) from error

    def _dial(self) -> None:
        if not self._broken and not settings.MAIL_ENABLED:
            self._broken = "mail_off"
        if not self._broken:
            try:
                self._connection.open()  # does nothing where it is open
            except (smtplib.SMTPException, OSError) as error:
                self._broken = _say(error)
        if self._broken:
            raise NotSent(self._broken)


def _say(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _is_final(error: Exception) -> bool:
    """The server refuses this recipient or message for good (5xx). A refused sender is a setting: that can heal."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _text in error.recipients.values())
    return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500
