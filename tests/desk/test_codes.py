"""Cause and solution codes (D5a): asked, required or not by category, booked on solved, edited as trees."""

import json
from typing import Any

import pytest

from jiying.base.errors import Conflict, Denied, Invalid
from jiying.base.models import JournalEntry
from jiying.desk.models import Category, Closing, Code
from jiying.desk.queries import codes as queries
from jiying.desk.services import codes, handling, triage
from jiying.desk.services.codes import Booked, CodeData
from tests.cast import Cast
from tests.desk.stage import MINUTE, everything, ticket_in


def require(path: str, codes: str = "required") -> None:
    Category.objects.filter(path=path).update(codes=codes)
    triage.forget()


def solve(cast: Cast, number: str, booked: Booked) -> None:
    handling.resolve(actor=cast.actor(cast.lin), number=number, booked=booked, now=cast.now + MINUTE)


def test_what_was_chosen_is_kept_and_told(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress", category="logistics/late")
    solve(cast, ticket.number, Booked("carrier_delay", "compensated", "delivery"))
    closing = Closing.objects.get(ticket=ticket)
    assert (closing.cause, closing.solution, closing.step) == ("carrier_delay", "compensated", "delivery")
    solved = JournalEntry.objects.get(subject_id=ticket.pk, kind="ticket.solved")
    assert solved.data == {"note": "", "cause": "carrier_delay", "solution": "compensated", "step": "delivery"}
    found = queries.of_ticket(ticket)
    assert found is not None
    assert found.by == "林晓"


def test_a_category_can_require_them_also_for_those_below(cast: Cast) -> None:
    require("logistics")
    Category.objects.filter(path="logistics/late").delete()
    triage.forget()
    ticket = ticket_in(cast, "in_progress", category="logistics")
    before = everything()
    with pytest.raises(Invalid) as refused:
        solve(cast, ticket.number, Booked(step="delivery"))
    assert [f.field for f in refused.value.faults] == ["cause", "solution"]
    assert everything() == before
    solve(cast, ticket.number, Booked("carrier_delay", "resent"))
    assert Closing.objects.filter(ticket=ticket).exists()


@pytest.mark.parametrize(
    ("booked", "where"),
    [
        (Booked(cause="no_such"), "cause"),
        (Booked(cause="hardware_fault"), "cause"),  # of products, not of logistics
        (Booked(solution="carrier_delay"), "solution"),  # a cause
        (Booked(step="old"), "step"),  # switched off
    ],
)
def test_what_does_not_fit_is_refused(cast: Cast, booked: Booked, where: str) -> None:
    Code.objects.create(kind="step", path="old", name_zh="旧", active=False)
    ticket = ticket_in(cast, "in_progress", category="logistics/late")
    with pytest.raises(Invalid) as refused:
        solve(cast, ticket.number, booked)
    assert [f.field for f in refused.value.faults] == [where]


def test_nothing_is_asked_where_the_category_asks_nothing(cast: Cast) -> None:
    ticket = ticket_in(cast, "in_progress")
    solve(cast, ticket.number, Booked())
    assert not Closing.objects.exists()


def save(cast: Cast, revision: int | None = None, **fields: Any) -> Code:
    data = CodeData(**{"kind": "cause", "path": "carrier_delay/strike", "name_zh": "罢工", **fields})
    return codes.save(actor=cast.actor(cast.ops), data=data, revision=revision, now=cast.now)


def test_trees_are_edited_and_journalled(cast: Cast) -> None:
    row = save(cast)
    save(cast, row.revision, name_zh="承运商罢工", category="logistics")
    assert JournalEntry.objects.filter(kind__startswith="code.").count() == 2
    labels = {c.path: c.label for c in queries.codes(cast.now).items}
    assert labels["carrier_delay/strike"].endswith("罢工")
    assert " / " in labels["carrier_delay/strike"]
    for fields, error in (
        ({"revision": row.revision}, Conflict),
        ({"revision": None}, Conflict),
        ({"path": "nowhere/x"}, Invalid),
        ({"path": "A"}, Invalid),
        ({"kind": "mood", "path": "x"}, Invalid),
        ({"path": "y", "name_zh": ""}, Invalid),
        ({"path": "y", "category": "none"}, Invalid),
    ):
        with pytest.raises(error):
            save(cast, **fields)
    with pytest.raises(Denied):
        codes.save(actor=cast.actor(cast.sup), data=CodeData("cause", "z", "某"), revision=None, now=cast.now)


def test_the_dialog_asks_for_what_fits(cast: Cast) -> None:
    require("logistics/late")
    ticket = ticket_in(cast, "in_progress", category="logistics/late")
    client = cast.client(cast.lin)
    page = client.get(f"/tickets/{ticket.number}/do/resolve").content.decode()
    assert "carrier_delay" in page
    assert "hardware_fault" not in page
    assert client.post(f"/tickets/{ticket.number}/do/resolve", {"note": "好"}).status_code == 422
    values = {"note": "好", "cause": "carrier_delay", "solution": "explained"}
    assert client.post(f"/tickets/{ticket.number}/do/resolve", values).status_code == 302
    assert Closing.objects.get(ticket=ticket).solution == "explained"
    assert client.get(f"/tickets/{ticket.number}/").status_code == 200
    plain = ticket_in(cast, "in_progress")
    assert "carrier_delay" not in client.get(f"/tickets/{plain.number}/do/resolve").content.decode()


def test_the_editor_page(cast: Cast) -> None:
    client = cast.client(cast.admin)
    assert cast.client(cast.lin).get("/setup/codes/").status_code == 403
    assert "carrier_delay" in client.get("/setup/codes/").content.decode()
    fresh = {"kind": "solution", "path": "voucher", "name_zh": "代金券", "active": "on"}
    assert client.post("/setup/codes/", fresh).status_code == 302
    assert client.post("/setup/codes/", fresh).status_code == 409
    assert Code.objects.get(kind="solution", path="voucher").active


def test_the_api_lists_saves_and_books(cast: Cast) -> None:
    admin, lin = cast.api(cast.admin), cast.api(cast.lin)
    body = {"kind": "cause", "path": "weather", "name_zh": "天气原因"}
    answer = admin.put("/api/v1/codes", json.dumps(body), content_type="application/json")
    assert (answer.status_code, answer.json()["n_booked"]) == (200, 0)
    ticket = ticket_in(cast, "in_progress", category="logistics/late")
    path = f"/api/v1/tickets/{ticket.number}/resolve"
    wrong = lin.post(path, json.dumps({"cause": "none"}), content_type="application/json")
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "cause")
    right = lin.post(path, json.dumps({"cause": "weather", "solution": "explained"}), content_type="application/json")
    assert right.status_code == 200, right.content
    assert cast.api(cast.he).get("/api/v1/codes").status_code == 403
    assert "weather" in {c["path"] for c in lin.get("/api/v1/codes").json()["items"]}
