"""The permission matrix (D26): each operation × each shipped role × own, team's and other ticket, as one table.

`permissions.txt` holds what must come out. After a wanted change: `JIYING_WRITE_PERMISSIONS=1 pytest` this file, and
read the difference as carefully as code. A new page without a line fails; a denied call must have changed nothing.
"""

import os
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from django.http import HttpResponse
from django.template.backends.django import Template

from tests.cast import Cast, forget_all
from tests.contracts.addresses import Door
from tests.contracts.doors import ROLES, WALKED, Stage, doors

TABLE = Path(__file__).with_name("permissions.txt")
COLUMNS = ("nobody", *ROLES)
HEAD = """# Who may do what: one line for each page and API operation, one column for each shipped role.
# A cell has one letter, or three where the address names a thing of somebody's: own, the team's, another team's.
#   +  done or shown       ~  let in, but refused for what was sent or for the state
#   -  lacks the right     0  does not exist for this reader     x  must sign in     r  must prove again who it is
"""
DENIED = "-0xr"
_OWN_ACCOUNT = ("django_session", "base_cache", "base_apitoken")  # kept by sign-in itself


def letter(answer: HttpResponse, door: Door, role: str) -> str:
    status = answer.status_code
    where = answer.get("Location", "")
    if status == 401 or (status == 302 and where.startswith("/accounts/login/")):
        return "+" if door.route == "accounts/logout/" and role != "nobody" else "x"
    if status == 302 and where.startswith("/accounts/reauthenticate/"):
        return "r"
    if status in (403, 404):
        return "-" if status == 403 else "0"
    assert status < 500 or status == 503, f"{status}: {answer.content[:300]!r}"
    return "~" if status >= 400 else "+"


def read_table() -> dict[str, list[str]]:
    """{operation: a cell for each column}."""
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert tuple(lines[0].split()[1:]) == COLUMNS
    return {" ".join(line.split()[:2]): line.split()[2:] for line in lines[1:]}


def write_table(cells: dict[str, list[str]]) -> None:
    width = max(74, *(len(name) + 2 for name in cells))  # one width, so that a new line changes no other
    lines = [f"{'operation':{width}}" + "  ".join(COLUMNS)]
    for name in sorted(cells, key=lambda name: (name.split()[1].startswith("/api/"), name.split()[1], name)):
        line = f"{name:{width}}" + "  ".join(
            f"{x:{len(column)}}" for x, column in zip(cells[name], COLUMNS, strict=True)
        )
        lines.append(line.rstrip())
    TABLE.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")


class Writes:
    """Sees whether a request wrote to the house's own tables."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        verb = sql.lstrip().split(" ", 1)[0].upper()
        if verb in ("INSERT", "UPDATE", "DELETE") and not any(table in sql[:120] for table in _OWN_ACCOUNT):
            self.seen.append(sql)
        return execute(sql, params, many, context)


def state() -> int:
    """A mark of every row of the house."""
    models = [model for app in apps.get_app_configs() if app.name.startswith("jiying.") for model in app.get_models()]
    return hash(tuple(repr(list(model._base_manager.order_by("pk").values_list())) for model in models))


@pytest.fixture
def stage(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Views decide who gets in; what a page then draws is not drawn here, which halves the time."""
    monkeypatch.setattr(Template, "render", lambda *_args, **_kwargs: "")
    return Stage(cast)


def ask(stage: Stage, door: Door, role: str, relation: str, before: int) -> str:
    """The letter of one call, which leaves no trace; a denied one must not have left any by itself."""
    client = stage.client(role)
    writes = Writes()
    with transaction.atomic():
        with connection.execute_wrapper(writes):
            found = letter(stage.call(client, door, role, relation), door, role)
        if writes.seen and found in DENIED:
            assert state() == before, f"{role} was denied {door.name} ({relation}), but it changed something"
        transaction.set_rollback(True)
    if writes.seen:
        forget_all()
    return found


def _relations(stage: Stage, door: Door, role: str) -> tuple[str, ...]:
    return stage.relations(door)[:1] if role == "nobody" else stage.relations(door)


def measured(stage: Stage, role: str) -> dict[str, str]:
    """{operation: the cell of this role}."""
    before = state()
    return {
        door.name: "".join(ask(stage, door, role, relation, before) for relation in _relations(stage, door, role))
        for door in doors(stage)
    }


def _write_column(role: str, found: dict[str, str]) -> None:
    """A new operation has question marks for the roles that have not walked yet."""
    known, place = read_table(), COLUMNS.index(role)
    cells = {name: known.get(name, ["?"] * len(COLUMNS)) for name in found}
    for name, cell in found.items():
        cells[name][place] = cell
    write_table(cells)


@pytest.mark.parametrize("role", ["nobody", *WALKED])
def test_every_operation_lets_in_those_who_may_and_nobody_else(stage: Stage, role: str) -> None:
    found = measured(stage, role)
    if os.environ.get("JIYING_WRITE_PERMISSIONS"):
        _write_column(role, found)
    table = read_table()
    assert sorted(found.keys() - table.keys()) == [], "new operations: write the table again and read its difference"
    assert sorted(table.keys() - found.keys()) == [], "operations that are gone: write the table again"
    place = COLUMNS.index(role)
    wrong = {name: (table[name][place], cell) for name, cell in found.items() if table[name][place] != cell}
    assert wrong == {}, "(expected, found)"


# --- what must hold whatever the table says --------------------------------------------------------------------------

OPEN = {
    "GET /accounts/login/",
    "POST /accounts/login/",
    "GET /accounts/inactive/",
    "GET /language/",
    "POST /language/",
    "GET /health/ready",
    # A visitor of a page that shows the chat or the form; what is in a chat, its token opens.
    "GET /chat/<key>/",
    "POST /chat/<key>/begin",
    "GET /chat/<key>/form",
    "POST /chat/<key>/form",
}


def test_only_the_door_itself_is_open_to_nobody() -> None:
    """A customer's own address is a key in itself."""
    keys = (" /p/<token>/", " /s/<token>/")
    shut = {name for name, cells in read_table().items() if cells[0] in DENIED or any(key in name for key in keys)}
    assert read_table().keys() - shut == OPEN


# Doors that open only in the middle of something else, held by tests of their own.
ELSEWHERE = (
    "/accounts/2fa/",
    "/accounts/oidc/",
    "/hooks/in/<kind>/",  # opened by a signature, never by a session
    "/p/<token>/files/",
    "/chat/<key>/",
    "/lines/<pk>/take",
    "/exchange/exports/",
    "/exchange/imports/",
    "/api/v1/exports/",
    "/api/v1/hand-ups/{hand_up_id}/take-in",
    "/drafts/files/",
    "/exchange/exports/",
    "/exchange/imports/",
    "/api/v1/exports/",
    "/standards/collaboration/<key>/",
    "/api/v1/collaboration-standards/{key}",
)


def test_somebody_can_use_each_operation() -> None:
    shut = [name for name, cells in read_table().items() if not set("".join(cells)) & set("+~")]
    assert [name for name in shut if not name.split()[1].startswith(ELSEWHERE)] == []


def test_who_lacks_a_team_mates_ticket_lacks_a_strangers_too() -> None:
    wider = [
        name
        for name, cells in read_table().items()
        for cell in cells
        if len(cell) == 3 and cell[1] in DENIED and cell[2] not in DENIED
    ]
    assert wider == []
