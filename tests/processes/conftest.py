"""`staffed`: a house with people in it, copied from one that is staffed once for all tests."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests import house as houses
from tests import servers
from tests.processes.books import Books

# Runs in a process of the house. Everybody who answers tickets is online and has more places than any test fills.
STAFF = """
import json
from jiying.base.models import Person
from jiying.desk.models import AgentLoad
from tests.cast import make_cast
cast = make_cast()
AgentLoad.objects.update(capacity=1000)
Person.objects.filter(loads__isnull=False).update(presence="online")
people = {person.username: person.pk for person in cast.everybody()}
tokens = {person.username: cast.token(person) for person in (cast.admin, cast.wang)}
print(json.dumps({"people": people, "tokens": tokens, "team": cast.team1.pk}))
"""


@dataclass(frozen=True)
class Staffed:
    """A house with the cast of `tests.cast` in it: three agents online, nobody without a supervisor."""

    house: houses.House
    people: dict[str, int]
    tokens: dict[str, str]  # of the administrator (every right) and of Wang, who leads the first team
    team: int

    @property
    def token(self) -> str:
        return self.tokens["adm"]

    @property
    def books(self) -> Books:
        return Books(self.house)


def _another_database(template: houses.House) -> str:
    """A copy of the template's database on its server; for SQLite it comes with the folder."""
    url = template.database_url
    name = urlsplit(url).path.lstrip("/")
    return servers.create_database(url, f"house_{uuid.uuid4().hex[:12]}", name) if url else ""


@pytest.fixture(scope="session")
def staffed_template(
    tmp_path_factory: pytest.TempPathFactory, template_house: houses.House
) -> Iterator[tuple[houses.House, str]]:
    """A staffed house that is never started, and what its making printed."""
    folder = tmp_path_factory.mktemp("staffed") / "house"
    template = houses.furnish(folder, template_house, _another_database(template_house))
    yield template, template.run("manage", "shell", "-c", STAFF).strip().rpartition("\n")[2]
    if template.database_url:
        servers.drop_database(template.database_url)


@pytest.fixture
def staffed(tmp_path: Path, staffed_template: tuple[houses.House, str]) -> Iterator[Staffed]:
    """A staffed house of the test's own; whatever runs in it is killed at the end."""
    template, printed = staffed_template
    house = houses.furnish(tmp_path / "house", template, _another_database(template))
    yield Staffed(house, **json.loads(printed))
    house.close()
    if house.database_url:
        servers.drop_database(house.database_url)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[None]:
    """Puts the ends of the house's logs into the report of a failed test."""
    outcome: Any = yield
    report = outcome.get_result()
    own = getattr(item, "funcargs", {}).get("staffed")
    if report.failed and own is not None:
        report.sections.append(("logs of the staffed house", own.house.logs()))
