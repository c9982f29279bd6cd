"""The command `jiying`. It reads arguments and delegates: what is done lies in `base`, `supervisor` and `web`.

Errors are one line on standard error. Exit codes: 0 done, 1 failed or refused, 2 wrong usage or configuration.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from django.core.exceptions import ImproperlyConfigured

from jiying.config import environ, listening, supervisor

DELEGATED = {
    "import-log": "import_log",
    "map": "map",
    "sample": "sample",
    "reindex": "reindex",
    "warehouse": "warehouse",
    "replay": "replay",
}  # to Django commands
EXIT_CODES = (
    "Exit codes: 0 done, 1 failed or refused (the reason is on standard error), 2 wrong usage or configuration."
)


class Failed(Exception):
    """The command could not do its work; the text is for the person at the keyboard."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Runs one command and ends the process with its exit code."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "jiying.config.settings")
    os.umask(0o077)  # what the house writes is for its own account only
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _run(arguments)
    except ImproperlyConfigured as error:
        code = _fail(f"configuration: {error}", 2)
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        text = _known(error)
        if text is None:
            raise
        code = _fail(text, 1)
    raise SystemExit(code)


def _fail(text: str, code: int) -> int:
    supervisor.say(text)
    return code


def _known(error: Exception) -> str | None:
    """The one line for a failure that is nobody's bug; None for a bug, whose traceback is wanted."""
    from django.db import DatabaseError

    if isinstance(error, Failed | listening.PortInUse | OSError):
        return str(error)
    if isinstance(error, DatabaseError):
        return f"database: {(str(error).strip().splitlines() or [type(error).__name__])[0]}"
    try:
        from jiying.base.errors import Refused
    except ImproperlyConfigured:
        return None
    if isinstance(error, Refused):
        return error.text
    return None


def _run(arguments: list[str]) -> int:
    if arguments[:1] == ["manage"]:
        return _django([*arguments[1:]])
    if arguments and arguments[0] in DELEGATED:
        return _django([DELEGATED[arguments[0]], *arguments[1:]])
    chosen = parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], int] = chosen.command
    return command(chosen)


def _django(arguments: list[str]) -> int:
    from django.core.management import execute_from_command_line

    execute_from_command_line(["jiying", *arguments])
    return 0


def _setup() -> None:
    import django
    from django.utils import translation

    django.setup()
    translation.activate("en")


def out(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


# --- commands --------------------------------------------------------------------------------------------------------


def _up(_: argparse.Namespace) -> int:
    return supervisor.up(["prepare"], environ.text("JIYING_BASE_URL").rstrip("/"))


def _start_with_sample(_: argparse.Namespace) -> int:
    return supervisor.up(["demo"], environ.text("JIYING_BASE_URL").rstrip("/"))


def _web(_: argparse.Namespace) -> int:
    from jiying.config import web

    return web.main()


def _worker(_: argparse.Namespace) -> int:
    import signal

    _setup()
    from jiying.base import worker

    listening.end_with_parent(lambda: os.kill(os.getpid(), signal.SIGTERM))
    return worker.main()


def _prepare(_: argparse.Namespace) -> int:
    _setup()
    from jiying.base import preparation

    preparation.prepare()
    return 0


def _demo(chosen: argparse.Namespace) -> int:
    _prepare(chosen)
    from django.core.management import call_command

    call_command("sample", if_empty=True)
    return 0


def _admin(chosen: argparse.Namespace) -> int:
    _setup()
    from jiying.base import accounts

    username, password = chosen.username, None
    if chosen.password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise Failed("no password came on standard input")
    elif sys.stdin.isatty():
        username, password = _ask(username)
    password, generated = accounts.make_admin(username or "admin", password)
    out(f"Administrator {username or 'admin'} was made.")
    if generated:
        out(f"Password (shown only now): {password}")
    return 0


def _ask(username: str | None) -> tuple[str, str | None]:
    import getpass

    username = username or input("Sign-in name [admin]: ").strip() or "admin"
    password = getpass.getpass("Password (empty: one is generated): ")
    if password and getpass.getpass("Once more: ") != password:
        raise Failed("the two passwords differ")
    return username, password or None


def _token(chosen: argparse.Namespace) -> int:
    _setup()
    from jiying.base import accounts

    scopes = [scope.strip() for scope in chosen.scopes.split(",") if scope.strip()]
    out(accounts.issue_token(chosen.user, chosen.name, scopes))
    return 0


def _check(_: argparse.Namespace) -> int:
    _setup()
    from jiying.base import checks, journal

    n_faults = 0
    for line in checks.faults():
        n_faults += 1
        out(line)
    out(f"{n_faults} faults; journal checked up to position {journal.last_position()}")
    return 1 if n_faults else 0


def _backup(chosen: argparse.Namespace) -> int:
    _setup()
    from jiying.base import backup

    manifest = backup.write(chosen.file)
    out(f"{chosen.file}: {manifest.database}, journal position {manifest.position}, {len(manifest.files)} files")
    return 0


def _restore(chosen: argparse.Namespace) -> int:
    _setup()
    from jiying.base import backup

    manifest = backup.restore(chosen.file, overwrite=chosen.yes)
    out(f"Restored the state of {manifest.made_at}, journal position {manifest.position}.")
    return _check(chosen)


# --- arguments -------------------------------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(
        prog="jiying",
        description="Jiying (即应), a customer-service operations platform.",
        epilog=f"{EXIT_CODES} Settings come from the environment: JIYING_HOME (data folder), PORT, DATABASE_URL, "
        "JIYING_HOST, JIYING_WEB_PROCESSES, JIYING_WORKERS, JIYING_THREADS; see the README.",
    )
    commands = root.add_subparsers(metavar="COMMAND", required=True)

    def add(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text, epilog=EXIT_CODES)
        added.set_defaults(command=run)
        return added

    add("run", _start_with_sample, "prepare, write sample data if nobody is there yet, then serve")
    add("up", _up, "prepare, then serve: web processes and a worker, each started again when it dies")
    add("demo", _demo, "prepare, write sample data if nobody is there yet, show its sign-ins, and stop")
    add("prepare", _prepare, "make or update the tables and what every house has; may run again at any time")
    add("web", _web, "one web process (pages, API, /live) on PORT")
    add("worker", _worker, "one worker: due work, journal positions, periodic tasks, jobs")
    _add_people(add)
    _add_data(add)
    for name, text in (
        ("import-log", "import an event log (jiying import-log --help)"),
        ("map", "the real process in an event log, in figures (jiying map --help)"),
        ("sample", "write sample data (jiying sample --help)"),
        ("reindex", "make the search index anew, while the house is running"),
        ("warehouse", "the columnar copy for reports and maps: status | rebuild"),
        ("replay", "what a draft would have meant for a period (jiying replay --help)"),
        ("manage", "any command of Django"),
    ):
        commands.add_parser(name, help=text, add_help=False)  # only to be listed; `_run` has taken it before
    return root


def _add_people(add: Callable[..., Any]) -> None:
    admin = add("admin", _admin, "make an administrator; a password that is not given is generated and printed once")
    admin.add_argument("--username", help="sign-in name (default: admin)")
    admin.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    token = add("token", _token, "print a new API token; it is shown only now")
    token.add_argument("--user", required=True, help="sign-in name of the person whose rights the token has")
    token.add_argument("--name", default="cli", help="what the token is for (default: cli)")
    token.add_argument("--scopes", default="", help="rights, comma-separated, to which it is cut (default: all)")


def _add_data(add: Callable[..., Any]) -> None:
    backup = add("backup", _backup, "write database, files and key into FILE (.tar.gz) while the house is running")
    backup.add_argument("file", metavar="FILE")
    restore = add("restore", _restore, "restore what `backup` wrote, then check it; the house must be stopped")
    restore.add_argument("file", metavar="FILE")
    restore.add_argument("--yes", action="store_true", help="replace what is there")
    add("check", _check, "check the stored data: the journal's chain, and what each feature adds")
