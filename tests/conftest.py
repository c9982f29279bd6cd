"""Chooses the database of the run, and lends the real parts of `servers` and `house` to the tests.

JIYING_TEST_DB = sqlite (default; a file, as in service) or postgres (DATABASE_URL, else a server of our own).
JIYING_TEST_DATA = the folder of real data (default ../shared/data beside the checkout).
"""

import gc
import os
import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import settings as hypothesis_settings

from tests import house as houses
from tests import servers
from tests.cast import as_person, cast, live_cast

__all__ = ["as_person", "cast", "live_cast"]

ROOT = Path(__file__).resolve().parent.parent
KINDS = {"e2e": pytest.mark.e2e, "processes": pytest.mark.processes}
# The machine is shared: a slow example says nothing about the code.
hypothesis_settings.register_profile("house", deadline=None, print_blob=True)
hypothesis_settings.load_profile("house")


def chosen_database() -> str:
    name = os.environ.get("JIYING_TEST_DB", "sqlite")
    if name not in ("sqlite", "postgres"):
        raise pytest.UsageError(f"JIYING_TEST_DB={name!r}: use sqlite or postgres")
    return name


def _only_core(config: pytest.Config) -> bool:
    """Whether nothing but the pure core was asked for: it needs neither Django nor a database."""
    asked = [Path(config.invocation_params.dir, argument.split("::")[0]).resolve() for argument in config.args]
    return all(path.is_relative_to(ROOT / "tests" / "core") for path in asked)


def pytest_configure(config: pytest.Config) -> None:
    """Sets the environment before Django's settings read it (pytest-django starts Django after this)."""
    if _only_core(config):
        return
    home = Path(tempfile.mkdtemp(prefix="jiying-test-"))
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))
    os.environ["JIYING_HOME"] = str(home)
    os.environ["DJANGO_SETTINGS_MODULE"] = "jiying.config.settings"
    if chosen_database() == "sqlite":
        os.environ.pop("DATABASE_URL", None)
    elif not os.environ.get("DATABASE_URL"):
        server = servers.Postgres(is_durable=False).start()
        config.add_cleanup(server.stop)
        os.environ["DATABASE_URL"] = server.url
    import django
    from django.conf import settings
    from django.contrib.auth.hashers import Argon2PasswordHasher

    if chosen_database() == "sqlite":
        settings.DATABASES["default"]["TEST"] = {"NAME": str(home / "test.sqlite3")}
    django.setup()  # pytest-django does it only where settings were named before the conftest
    _let_tests_flush_the_journal()
    # The real hasher, only cheap: else each made-up person costs 50 ms.
    Argon2PasswordHasher.time_cost, Argon2PasswordHasher.memory_cost, Argon2PasswordHasher.parallelism = 1, 8, 1


def _let_tests_flush_the_journal() -> None:
    """On SQLite a flush between transactional tests is a DELETE, which the journal refuses: lift that."""
    from django.db import connection

    if connection.vendor != "sqlite":
        return
    flush = connection.ops.execute_sql_flush

    def flush_all(sql_list: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND name = 'journal_no_delete'")
            found = cursor.fetchone()
            cursor.execute("DROP TRIGGER IF EXISTS journal_no_delete")
        flush(sql_list)
        if found:
            with connection.cursor() as cursor:
                cursor.execute(found[0])

    connection.ops.execute_sql_flush = flush_all  # type: ignore[method-assign]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders e2e/ and processes/ mark their tests; postgres_only is skipped on SQLite."""
    elsewhere = pytest.mark.skip(reason="needs PostgreSQL (JIYING_TEST_DB=postgres)")
    for item in items:
        for folder, mark in KINDS.items():
            if (ROOT / "tests" / folder) in item.path.parents:
                item.add_marker(mark)
        if item.get_closest_marker("postgres_only") and chosen_database() == "sqlite":
            item.add_marker(elsewhere)


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the collector need not look through it again after every few tests."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The monotonic clock stands: what is kept for a second stays kept, so that statements can be counted exactly."""
    at = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: at)


@pytest.fixture(scope="session")
def database_kind() -> str:
    """`sqlite` or `postgres`: what this run is about."""
    return chosen_database()


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """`real_data("eventlogs/x.csv.gz")`: the path of a real file; the test is skipped where it is missing."""
    folder = Path(os.environ.get("JIYING_TEST_DATA") or ROOT.parent / "shared" / "data")

    def find(name: str) -> Path:
        path = folder / name
        if not path.exists():
            pytest.skip(f"real data {name} is not below {folder} (set JIYING_TEST_DATA)")
        return path

    return find


@pytest.fixture
def smtp() -> Iterator[servers.SmtpSink]:
    """A mail server that keeps what it gets; its `url` is a value for JIYING_SMTP_URL."""
    with servers.smtp_sink() as sink:
        yield sink


@pytest.fixture(scope="session")
def dovecot() -> Iterator[servers.Dovecot]:
    """A real IMAP server; a missing one is a failure, because `make test` installs it."""
    server = servers.Dovecot().start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium; a missing one is a failure, because `make test` installs it."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    raise FileNotFoundError("no Chromium on PATH: run .ci/browser, or install the package chromium")


def _new_database_url(template: str | None = None) -> str:
    """A fresh database for a house: empty text for SQLite (it lies in the house), else one more on the run's server."""
    if chosen_database() == "sqlite":
        return ""
    return servers.create_database(os.environ["DATABASE_URL"], f"house_{uuid.uuid4().hex[:12]}", template)


@pytest.fixture(scope="session")
def template_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[houses.House]:
    """A house with migrated tables, made once; nothing may be started in it."""
    template = houses.House(tmp_path_factory.mktemp("template"), _new_database_url())
    yield houses.migrated(template)
    if template.database_url:
        servers.drop_database(template.database_url)


@pytest.fixture
def house(tmp_path: Path, template_house: houses.House) -> Iterator[houses.House]:
    """A house of the test's own, on the run's database: `house.up()`, `house.run("token", …)`, `running.kill()`."""
    name = urlsplit(template_house.database_url).path.lstrip("/")
    own = houses.furnish(tmp_path / "house", template_house, _new_database_url(name or None))
    yield own
    own.close()
    if own.database_url:
        servers.drop_database(own.database_url)


def pytest_report_header(config: pytest.Config) -> str:
    return "database: none (core only)" if _only_core(config) else f"database: {chosen_database()}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[None]:
    """Puts the ends of a house's logs into the report of a failed test."""
    outcome: Any = yield
    report = outcome.get_result()
    own = getattr(item, "funcargs", {}).get("house")
    if report.failed and own is not None:
        report.sections.append(("logs of the house", own.logs()))
