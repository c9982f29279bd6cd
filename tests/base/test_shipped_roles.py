"""Shipped roles follow the version's rights until somebody edits them; then people decide, with one press."""

from collections.abc import Iterable

import pytest

from jiying.base import journal, organisation, policies, seeds
from jiying.base.errors import Denied, NotFound
from jiying.base.models import JournalEntry, Role
from jiying.base.personnel import mark
from tests.cast import Cast

NEW = "desk.export"


def _ships(monkeypatch: pytest.MonkeyPatch, code: str, rights: Iterable[str]) -> None:
    """As a next version would."""
    name, _rights = policies.SHIPPED_ROLES[code]
    monkeypatch.setitem(policies.SHIPPED_ROLES, code, (name, sorted(rights)))


def _rights(code: str) -> set[str]:
    return {*Role.objects.get(code=code).rights}


def _edit(cast: Cast, code: str, rights: Iterable[str], name: str = "") -> None:
    role = Role.objects.get(code=code)
    organisation.save_role(
        actor=cast.actor(cast.admin),
        code=code,
        name=name or role.label,
        rights=list(rights),
        seen=mark(organisation.role_facts(role)),
        now=cast.now,
    )


def _facts() -> list[JournalEntry]:
    return list(JournalEntry.objects.filter(kind="role.changed").order_by("id"))


def test_a_role_that_nobody_edited_gets_what_the_next_version_ships(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _rights("lead")
    _ships(monkeypatch, "lead", before - {"desk.cancel"} | {NEW})
    seeds.run(cast.now)
    assert _rights("lead") == before - {"desk.cancel"} | {NEW}
    [fact] = _facts()
    assert (fact.actor_kind, fact.data["as_shipped"]) == ("system", True)
    assert {*fact.data["changes"]["rights"][0]} == before
    _ships(monkeypatch, "lead", before)
    seeds.run(cast.now)
    seeds.run(cast.now)  # the second finds nothing to do
    assert _rights("lead") == before
    assert len(_facts()) == 2


def test_an_edited_role_is_left_and_says_what_it_lacks(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _rights("lead")
    own = before - {"desk.cancel"} | {"desk.import"}
    _edit(cast, "lead", own)
    _ships(monkeypatch, "lead", before | {NEW})
    seeds.run(cast.now)
    assert _rights("lead") == own
    assert organisation.lacking(Role.objects.get(code="lead")) == ["desk.cancel", NEW]
    page = cast.client(cast.admin).get("/people/roles/").content.decode()
    assert "/people/roles/lead/take-shipped" in page
    assert "/people/roles/agent/take-shipped" not in page
    assert "take-shipped" not in cast.client(cast.wang).get("/people/roles/").content.decode()


def test_one_press_gives_what_is_lacking_and_is_journalled(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _rights("lead")
    _edit(cast, "lead", before - {"desk.cancel"} | {"desk.import"})
    _ships(monkeypatch, "lead", before | {NEW})
    door = "/people/roles/lead/take-shipped"
    assert cast.client(cast.sup).post(door).status_code == 403
    assert cast.client(cast.admin).post(door).status_code == 302
    assert _rights("lead") == before | {NEW, "desk.import"}
    fact = _facts()[-1]
    assert (fact.actor_id, "as_shipped" in fact.data) == (cast.admin.pk, False)
    cast.client(cast.admin).post(door)
    assert len(_facts()) == 2
    journal.sequence()
    told = cast.client(cast.admin).get("/audit/").content.decode()
    assert f"+ {policies.RIGHTS['desk.import']}" in told  # what came and what went, in words
    assert f"− {policies.RIGHTS['desk.cancel']}" in told
    assert f"+ {policies.RIGHTS['desk.cancel']}" in told


def test_a_role_that_was_put_back_follows_again(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _rights("lead")
    _edit(cast, "lead", before - {"desk.cancel"})
    organisation.take_shipped(actor=cast.actor(cast.admin), code="lead", now=cast.now)
    _edit(cast, "lead", before, name="组长")  # another name is no edit of the rights
    _ships(monkeypatch, "lead", before | {NEW})
    seeds.run(cast.now)
    assert _rights("lead") == before | {NEW}
    assert Role.objects.get(code="lead").name == "组长"


def test_own_roles_follow_nothing(cast: Cast) -> None:
    admin = cast.actor(cast.admin)
    organisation.save_role(actor=admin, code="mine", name="自建", rights=["desk.create"], seen=None, now=cast.now)
    seeds.run(cast.now)
    assert _rights("mine") == {"desk.create"}
    assert organisation.lacking(Role.objects.get(code="mine")) == []
    with pytest.raises(NotFound):
        organisation.take_shipped(actor=admin, code="mine", now=cast.now)
    with pytest.raises(Denied):
        organisation.take_shipped(actor=cast.actor(cast.wang), code="lead", now=cast.now)
