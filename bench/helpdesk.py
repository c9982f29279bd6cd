"""django-helpdesk beside our intake: a queue of its own, served by two processes in the same way as our own pages.

It only stores the ticket with one or two mails: no deadline, no clock, and through its REST API no assignment.
"""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from bench.web import wait

ROOT = Path(__file__).resolve().parent.parent
CSRF = "b" * 32
N_PROCESSES = 2
RUN = [sys.executable, "-m", "bench.helpdesk"]


def rest(subject: str, text: str) -> tuple[str, str, Any]:
    """A ticket through its REST API, by a signed-in member of its staff."""
    ticket = {"queue": 1, "title": subject, "description": text, "submitter_email": "c@example.com", "priority": 3}
    return ("POST", "/api/tickets/", ticket)


def form(subject: str, text: str) -> tuple[str, str, Any]:
    """A ticket through its public web form."""
    ticket = {"queue": 1, "title": subject, "body": text, "submitter_email": "c@example.com", "priority": 3}
    return ("POST", "/tickets/submit/", urlencode(ticket).encode())


@contextmanager
def serving() -> Iterator[tuple[int, dict[str, str]]]:
    """Its port, and the headers of a signed-in member of its staff."""
    from jiying.config import listening
    from tests.servers import create_database, free_port

    env = _environment()
    Path(env["JIYING_HOME"]).mkdir(parents=True, exist_ok=True)
    if env["DATABASE_URL"]:
        create_database(os.environ["DATABASE_URL"], "helpdesk")
    session = _told("prepare")
    listener = listening.bind("127.0.0.1", port := free_port())
    env[listening.FD_NAME] = str(listener.fileno())
    processes = [
        subprocess.Popen([*RUN, "serve"], env=env, cwd=ROOT, pass_fds=[listener.fileno()]) for _ in range(N_PROCESSES)
    ]
    try:
        wait(port, processes[0], "/login/")
        yield port, {"Cookie": f"sessionid={session}; csrftoken={CSRF}", "X-CSRFToken": CSRF}
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)
        listener.close()


def n_stored() -> int:
    """How many tickets its database holds: a form that was refused is answered with 200 too."""
    return int(_told("count"))


def _environment() -> dict[str, str]:
    """Of its processes: settings are read once in each, so that it has some of its own."""
    url = os.environ["DATABASE_URL"]
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "bench.helpdesk_settings",
        "JIYING_HOME": f"{os.environ['JIYING_HOME']}-helpdesk",
        "DATABASE_URL": urlsplit(url)._replace(path="/helpdesk").geturl() if url else "",
    }


def _told(command: str) -> str:
    """The last word that a process of its own says."""
    done = subprocess.run([*RUN, command], env=_environment(), cwd=ROOT, check=True, stdout=subprocess.PIPE)
    return done.stdout.decode().split()[-1]


def _prepare() -> None:
    import django

    django.setup()
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command
    from helpdesk.models import Queue

    call_command("migrate", verbosity=0)
    people: Any = get_user_model()._default_manager
    staff = people.create_superuser("staff", "staff@example.com", "bench")
    Queue.objects.create(title="Bench", slug="bench", allow_public_submission=True, default_owner=staff, locale="en")
    session = SessionStore()
    session[SESSION_KEY] = str(staff.pk)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = staff.get_session_auth_hash()
    session.create()
    sys.stdout.write(f"{session.session_key}\n")


async def _serve() -> None:
    from django.core.wsgi import get_wsgi_application

    from jiying.config import listening
    from jiying.config.connections import Connections
    from jiying.config.handover import Handover

    handover = Handover(get_wsgi_application(), 8)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        await handover.answer(scope, body, receive, send)

    listener, stopped = listening.inherited(), asyncio.Event()
    assert listener is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    connections = Connections(application, listener, polite=True)
    connections.start()
    await stopped.wait()
    await connections.stop()


def _count() -> None:
    import django

    django.setup()
    from helpdesk.models import Ticket

    sys.stdout.write(f"{Ticket.objects.count()}\n")


if __name__ == "__main__":
    {"prepare": _prepare, "count": _count, "serve": lambda: asyncio.run(_serve())}[sys.argv[1]]()
