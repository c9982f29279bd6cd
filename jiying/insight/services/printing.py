"""A page as PDF: WeasyPrint in a process of its own, bounded in size, time and number; a web process never loads it."""

import importlib.util
import subprocess
import sys
import threading

from django.utils.translation import gettext as _

from jiying.base.errors import Conflict, TooMany
from jiying.insight.services import press

TIMEOUT_S = 60
MOST_BYTES = 4_000_000
AT_ONCE = 2  # in one web process
_places = threading.BoundedSemaphore(AT_ONCE)


def is_installed() -> bool:
    return importlib.util.find_spec("weasyprint") is not None


def pdf(html: str) -> bytes:
    """Raises Conflict, in words, where something is missing or the page is too big; TooMany where others print."""
    if not is_installed():
        raise Conflict.one("no_pdf", why=_("PDF needs WeasyPrint: pip install -r requirements/pdf.txt"))
    body = html.encode()
    if len(body) > MOST_BYTES:
        raise Conflict.one("no_pdf", why=_("This report is too long for a PDF. Choose a team or a channel."))
    if not _places.acquire(blocking=False):
        raise TooMany.one("pdf_busy")
    try:
        return _pressed(body)
    finally:
        _places.release()


def _pressed(body: bytes) -> bytes:
    command = [sys.executable, "-m", press.__name__]
    try:
        done = subprocess.run(command, input=body, capture_output=True, timeout=TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        raise Conflict.one("no_pdf", why=_("This report is too long for a PDF. Choose a team or a channel.")) from None
    if done.returncode == press.MISSING:
        raise Conflict.one("no_pdf", why=_missing(done.stderr.decode()))
    if done.returncode:
        raise RuntimeError(f"the press failed: {done.stderr.decode()[-400:]}")
    return done.stdout


def _missing(what: str) -> str:
    if what == "fonts":
        return _("PDF needs a Chinese font of the system (Debian: apt-get install fonts-noto-cjk).")
    return _("PDF needs Pango of the system (Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0).")
