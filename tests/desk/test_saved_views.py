"""Saved views and columns: who sees, changes and shares them; that an address says everything a list shows."""

from typing import Any

import pytest

from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.models import JournalEntry, Person
from jiying.desk.models import ListColumns, SavedView
from jiying.desk.queries import saved_views
from jiying.desk.services import views
from jiying.desk.services.views import View
from tests.cast import Cast


def _add(cast: Cast, person: Person, name: str = "退款", reach: str = "own", **filters: str) -> SavedView:
    view = View(name, {"view": "open", "priority": "P1", **filters}, (), reach)
    return views.add(actor=cast.actor(person), view=view, now=cast.now)


def _names(cast: Cast, person: Person) -> list[str]:
    return [view.name for view in saved_views.listed(cast.actor(person))]


def test_a_view_is_ones_own_until_it_is_shared(cast: Cast) -> None:
    _add(cast, cast.lin, "林的")
    _add(cast, cast.wang, "一组的", "team")
    _add(cast, cast.sup, "大家的", "all")
    assert _names(cast, cast.lin) == ["林的", "一组的", "大家的"]
    assert _names(cast, cast.zhao) == ["大家的"]
    assert _names(cast, cast.sup) == ["大家的"]
    with pytest.raises(NotFound):
        saved_views.get(cast.actor(cast.zhao), SavedView.objects.get(name="林的").pk)


@pytest.mark.parametrize(("who", "reach"), [("lin", "team"), ("lin", "all"), ("wang", "all"), ("he", "team")])
def test_sharing_needs_the_right(cast: Cast, who: str, reach: str) -> None:
    before = SavedView.objects.count()
    with pytest.raises((Denied, Invalid)):
        _add(cast, getattr(cast, who), reach=reach)
    assert SavedView.objects.count() == before


def test_only_whoever_may_changes_and_removes_it(cast: Cast) -> None:
    own, team = _add(cast, cast.lin), _add(cast, cast.wang, "一组的", "team")
    for person, row, error in ((cast.wang, own, NotFound), (cast.lin, team, Denied), (cast.zhao, team, NotFound)):
        with pytest.raises(error):
            views.remove(actor=cast.actor(person), pk=row.pk, now=cast.now)
        with pytest.raises(error):
            views.change(actor=cast.actor(person), pk=row.pk, view=View("x"), now=cast.now)
    lin = cast.actor(cast.lin)
    with pytest.raises(Denied):
        views.change(actor=lin, pk=own.pk, view=View("x", reach="team"), now=cast.now)
    views.change(actor=lin, pk=own.pk, view=View("改名", {"priority": "P2"}), revision=0, now=cast.now)
    with pytest.raises(Conflict):
        views.change(actor=lin, pk=own.pk, view=View("又改"), revision=0, now=cast.now)
    own.refresh_from_db()
    assert (own.name, own.filters) == ("改名", {"priority": "P2"})
    views.remove(actor=lin, pk=own.pk, now=cast.now)
    kinds = JournalEntry.objects.filter(subject_kind="saved_view").values_list("kind", flat=True)
    assert list(kinds.order_by("pk")) == [f"saved_view.{k}" for k in ("added", "added", "changed", "removed")]


@pytest.mark.parametrize(
    "view",
    [
        View(" "),
        View("x" * 61),
        View("x", {"priority": "P9"}),
        View("x", {}, ("nothing",)),
        View("x", reach="world"),
        View("x", {"since": "soon"}),
    ],
)
def test_a_bad_view_is_refused_whole(cast: Cast, view: View) -> None:
    with pytest.raises(Invalid):
        views.add(actor=cast.actor(cast.lin), view=view, now=cast.now)
    assert not SavedView.objects.exists()


def test_columns_are_kept_in_their_order_and_always_hold_the_subject(cast: Cast) -> None:
    lin = cast.actor(cast.lin)
    assert saved_views.columns_of(lin) == list(saved_views.USUAL)
    views.choose_columns(actor=lin, columns=["clock", "tags"], now=cast.now)
    assert saved_views.columns_of(lin) == ["subject", "clock", "tags"]
    assert saved_views.columns_of(cast.actor(cast.zhao)) == list(saved_views.USUAL)
    views.choose_columns(actor=lin, columns=[], now=cast.now)
    assert saved_views.columns_of(lin) == list(saved_views.USUAL)
    with pytest.raises(Invalid):
        views.choose_columns(actor=lin, columns=["password"], now=cast.now)


# --- pages -----------------------------------------------------------------------------------------------------------


def test_a_list_is_saved_opened_changed_and_taken_away(cast: Cast) -> None:
    urgent = cast.ticket(subject="紧急的", priority="P1")
    calm = cast.ticket(subject="不急的", priority="P4")
    client = cast.client(cast.wang)
    form = client.get("/views/new?priority=P1", headers={"HX-Request": "true"}).content.decode()
    assert "priority=P1" in form
    saved = client.post("/views/new", {"name": "急单", "reach": "team", "filters": "priority=P1"})
    view = SavedView.objects.get()
    assert saved.headers["Location"] == f"/tickets/?priority=P1&saved={view.pk}"
    page = cast.client(cast.lin).get(saved.headers["Location"]).content.decode()
    assert urgent.number in page
    assert calm.number not in page
    assert "急单" in page
    client.post(f"/views/{view.pk}", {"name": "缓单", "reach": "team", "filters": "priority=P4", "revision": 0})
    view.refresh_from_db()
    assert (view.name, view.filters) == ("缓单", {"priority": "P4"})
    assert cast.client(cast.lin).post(f"/views/{view.pk}/remove").status_code == 403
    client.post(f"/views/{view.pk}/remove")
    assert not SavedView.objects.exists()


def test_the_chosen_columns_are_shown(cast: Cast) -> None:
    cast.ticket(subject="紧急的", tags=("大促",), category="order/refund")
    client = cast.client(cast.lin)
    assert "大促" not in client.get("/tickets/").content.decode()
    chosen: dict[str, Any] = {"columns": ["subject", "tags", "category"]}
    assert client.post("/views/columns", chosen).headers["Location"] == "/tickets/"
    page = client.get("/tickets/").content.decode()
    assert "大促" in page
    assert "jy-clock" not in page.split('id="ticket-list"')[1]
    assert ListColumns.objects.get().columns == chosen["columns"]


def test_who_may_do_nothing_gets_no_boxes(cast: Cast) -> None:
    cast.ticket()
    assert "data-pick" in cast.client(cast.wang).get("/tickets/").content.decode()
    assert "data-pick" not in cast.client(cast.chen).get("/tickets/").content.decode()


# --- API -------------------------------------------------------------------------------------------------------------


def test_the_api_has_views_too(cast: Cast) -> None:
    urgent = cast.ticket(subject="紧急的", priority="P1")
    cast.ticket(subject="不急的", priority="P4")
    api = cast.api(cast.lin)
    body: dict[str, Any] = {"name": "急单", "filters": {"priority": "P1"}, "columns": ["subject"]}
    made = api.post("/api/v1/views", body, content_type="application/json").json()
    assert made["filters"] == {"priority": "P1"}
    assert [view["id"] for view in api.get("/api/v1/views").json()["items"]] == [made["id"]]
    listed = api.get(f"/api/v1/views/{made['id']}/tickets").json()
    assert [ticket["number"] for ticket in listed["items"]] == [urgent.number]
    assert cast.api(cast.zhao).get(f"/api/v1/views/{made['id']}/tickets").status_code == 404
    changed = {**body, "name": "更急", "revision": made["revision"]}
    assert api.put(f"/api/v1/views/{made['id']}", changed, content_type="application/json").json()["name"] == "更急"
    assert api.put(f"/api/v1/views/{made['id']}", changed, content_type="application/json").status_code == 409
    columns = {"columns": ["tags"]}
    assert api.put("/api/v1/me/columns", columns, content_type="application/json").json() == ["subject", "tags"]
    assert api.delete(f"/api/v1/views/{made['id']}").status_code == 204
    assert api.get("/api/v1/views").json()["items"] == []
