"""The category tree and its editor: who may change it, what is refused, and what tickets get from it (D22)."""

import json

import pytest

from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.models import JournalEntry
from jiying.desk.models import Category
from jiying.desk.services import categories, triage
from jiying.desk.services.categories import CategoryData
from tests.cast import Cast


def save(cast: Cast, path: str, revision: int | None = None, **fields: object) -> Category:
    data = CategoryData(path=path, **{"name_zh": "破损", **fields})  # type: ignore[arg-type]
    row = categories.save(actor=cast.actor(cast.ops), data=data, revision=revision, now=cast.now)
    triage.forget()
    return row


def test_a_new_category_gives_its_tickets_team_skills_and_type(cast: Cast) -> None:
    save(cast, "logistics/damaged", team="team1", skills={"物流": 2}, type="complaint")
    ticket = cast.ticket(category="logistics/damaged")
    assert (ticket.type, ticket.team_id) == ("complaint", cast.team1.pk)
    assert ticket.assignee_id is None  # nobody has the skill
    assert cast.ticket(category="logistics/damaged", type="fault").type == "fault"
    assert cast.ticket().type == "inquiry"


def test_what_changed_is_journalled_and_a_stale_form_refused(cast: Cast) -> None:
    row = save(cast, "logistics/damaged")
    save(cast, row.path, row.revision, name_zh="破损件")
    fact = JournalEntry.objects.filter(kind="category.changed").get()
    assert fact.data["changes"] == {"name_zh": ["破损", "破损件"]}
    with pytest.raises(Conflict):
        save(cast, row.path, row.revision, name_zh="别的")
    with pytest.raises(Conflict):
        save(cast, row.path)
    with pytest.raises(NotFound):
        save(cast, "logistics/none", 1)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"path": "Logistics/X"}, "path"),
        ({"path": "nowhere/x"}, "path"),
        ({"path": "a/b/c/d/e"}, "path"),
        ({"name_zh": " "}, "name_zh"),
        ({"type": "thing"}, "type"),
        ({"team": "nobody"}, "team"),
        ({"skills": {"物流": 9}}, "skills"),
        ({"flow": "nothing"}, "flow"),
        ({"codes": "always"}, "codes"),
    ],
)
def test_what_is_wrong_is_named(cast: Cast, fields: dict[str, object], where: str) -> None:
    before = Category.objects.count()
    with pytest.raises(Invalid) as refused:
        save(cast, **{"path": "logistics/new", **fields})  # type: ignore[arg-type]
    assert [fault.field for fault in refused.value.faults] == [where]
    assert Category.objects.count() == before


def test_only_who_may_edit_rules_may(cast: Cast) -> None:
    for person in cast.everybody():
        allowed = person in (cast.ops, cast.admin)
        for path in ("/setup/categories/", "/setup/categories/new", "/setup/categories/edit/logistics/lost"):
            assert cast.client(person).get(path).status_code == (200 if allowed else 403), person.username
    with pytest.raises(Denied):
        categories.save(actor=cast.actor(cast.wang), data=CategoryData("x", "某类"), revision=None, now=cast.now)


def test_the_page_saves_and_shows_faults_in_place(cast: Cast) -> None:
    client = cast.client(cast.admin)
    row = Category.objects.get(path="logistics/lost")
    values = {
        "revision": row.revision,
        "name_zh": "丢件",
        "skills": "物流 2, 退款",
        "codes": "required",
        "active": "on",
    }
    assert client.post("/setup/categories/edit/logistics/lost", values).status_code == 302
    row.refresh_from_db()
    assert (row.name_zh, row.codes, row.active) == ("丢件", "required", True)
    assert row.skills == {"logistics": 2, "refunds": 1}  # typed in words, kept as codes
    answer = client.post("/setup/categories/edit/logistics/lost", values)  # the revision of before
    assert answer.status_code == 409
    assert client.post("/setup/categories/new", {"path": "A B", "name_zh": "某"}).status_code == 422


def test_the_api_reads_and_writes_it(cast: Cast) -> None:
    body = {"path": "logistics/damaged", "name_zh": "破损", "team": "team1", "skills": {"物流": 1}}
    answer = cast.api(cast.admin).put("/api/v1/categories", json.dumps(body), content_type="application/json")
    assert answer.status_code == 200, answer.content
    assert answer.json()["label"].endswith("破损")
    listed = cast.api(cast.lin).get("/api/v1/categories").json()["items"]
    assert [c["team"] for c in listed if c["path"] == "logistics/damaged"] == ["team1"]
    denied = cast.api(cast.lin).put("/api/v1/categories", json.dumps(body), content_type="application/json")
    assert denied.status_code == 403
    assert cast.api(cast.he).get("/api/v1/categories").status_code == 403
