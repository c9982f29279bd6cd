"""The pages of calendars and standards as the cast uses them: what is shown, what a form changes, what is denied."""

import copy
import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from jiying.base import documents
from jiying.base.models import Job, JournalEntry, VersionedDocument
from jiying.clocks import queries
from jiying.clocks.forms import calendars as forms
from jiying.clocks.pages import calendar_year
from jiying.core.calendar_files import written_hours
from jiying.core.calendars import CalendarSpec
from jiying.core.standards import SHIPPED
from tests.cast import Cast

State = VersionedDocument.State


def page(client: Client, url: str, status: int = 200) -> str:
    answer = client.get(url)
    assert answer.status_code == status, answer.content.decode()[:2000]
    return answer.content.decode()


def stored() -> list[Any]:
    """Everything that a denied request could have changed."""
    documents_ = list(VersionedDocument.objects.order_by("pk").values())
    return [documents_, JournalEntry.objects.count(), Job.objects.count()]


def draft_form(body: dict[str, Any], **changed: str) -> dict[str, str]:
    """The editor's form as the browser would send it back."""
    form: dict[str, str] = {"revision": "0", "save": ""}
    places = [(f"rows.{n}.targets", row["targets"]) for n, row in enumerate(body["rows"])]
    for prefix, targets in [*places, ("default.targets", body["default"]["targets"])]:
        for metric, target in targets.items():
            form |= {f"{prefix}.{metric}.{name}": str(value) for name, value in target.items()}
    return {**form, **changed}


# --- calendars -------------------------------------------------------------------------------------------------------


def test_a_year_shows_what_a_chinese_wall_calendar_shows(cast: Cast) -> None:
    html = page(cast.client(cast.lin), "/calendars/work/?year=2026")
    assert len(re.findall(r'class="jy-month card"', html)) == 12
    spec = CalendarSpec.from_json(documents.get("calendar", "work", 1).body)
    closed, worked = calendar_year.special_days(spec, 2026)
    assert closed > 20
    assert worked > 4
    assert html.count('class="jy-day is-closed"') == closed
    assert html.count('class="jy-day is-worked"') == worked
    assert 'title="国庆节"' in html or "国庆" in html
    assert '<button type="button" class="jy-day' not in html  # an agent looks, but does not edit


def test_a_year_that_nobody_knows_carries_a_banner(cast: Cast) -> None:
    year = queries.uncovered_years(timezone.now()).get("work")
    assert year, "the test needs a year that the packages do not know"
    for url in ("/calendars/", "/calendars/work/", "/standards/"):
        assert str(year[0]) in re.findall(r"alert-warning.*?</strong>", page(cast.client(cast.lin), url), re.S)[0]


def test_a_click_closes_a_day_in_a_new_version_and_redates(cast: Cast) -> None:
    cast.ticket()
    client = cast.client(cast.ops)
    dialog = page(client, "/calendars/work/days/2026-09-10")
    assert 'name="seen" value="1"' in dialog
    answer = client.post("/calendars/work/days/2026-09-10", {"seen": 1, "mode": "closed", "label": "厂庆"})
    assert answer.status_code == 200
    assert answer["HX-Retarget"] == "#calendar"
    assert "厂庆" in answer.content.decode()
    newest = documents.get("calendar", "work", 2)
    assert newest.body["closed"]["2026-09-10"] == "厂庆"
    assert newest.created_by == cast.ops
    assert Job.objects.get().params["number"] == 2
    assert 'id="redate-job"' in page(client, "/calendars/work/progress")


def test_a_stale_calendar_form_is_refused(cast: Cast) -> None:
    client = cast.client(cast.ops)
    client.post("/calendars/work/days/2026-09-10", {"seen": 1, "mode": "closed", "label": "厂庆"})
    before = stored()
    answer = client.post("/calendars/work/days/2026-09-11", {"seen": 1, "mode": "closed", "label": "培训"})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert stored() == before


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"mode": "weekday", "weekday": "0"}, 0),
        ({"mode": "own", "hours": "9-12、13：30～18:00"}, [[540, 720], [810, 1080]]),
        ({"mode": "usual"}, None),
    ],
)
def test_a_day_is_worked_or_as_usual(cast: Cast, form: dict[str, Any], expected: object) -> None:
    answer = cast.client(cast.ops).post("/calendars/work/days/2026-09-12", {"seen": 1, **form})
    assert answer.status_code == 200
    assert documents.get("calendar", "work", 2).body["worked"].get("2026-09-12") == expected


@pytest.mark.parametrize(
    "form",
    [
        {"mode": "closed", "label": " "},
        {"mode": "closed", "label": "长" * 41},
        {"mode": "weekday", "weekday": "6"},
        {"mode": "weekday", "weekday": "x"},
        {"mode": "own", "hours": ""},
        {"mode": "own", "hours": "22:00-06:00"},
        {"mode": "own", "hours": "9-12, 11-13"},
        {"mode": "own", "hours": "morning"},
        {"mode": "party"},
        {},
    ],
)
def test_a_wrong_day_is_refused_in_the_dialog_and_nothing_changed(cast: Cast, form: dict[str, Any]) -> None:
    before = stored()
    answer = cast.client(cast.ops).post("/calendars/work/days/2026-09-12", {"seen": 1, **form})
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert stored() == before


@pytest.mark.parametrize("url", ["days/2026-13-01", "days/x", "?year=99999", "?year=x", "../moon/"])
def test_addresses_that_name_nothing_are_refused(cast: Cast, url: str) -> None:
    assert cast.client(cast.ops).get(f"/calendars/work/{url}").status_code in (404, 422)


def week(**changed: str) -> dict[str, str]:
    form = {f"weekly.{n}": "09:00-18:00" if n < 5 else "" for n in range(7)}
    base = {"seen": "1", "title": "工作日", "tz": "Asia/Shanghai", "first_year": "2010", "last_year": "2026"}
    return {**base, **form, "working_day_s": "7.5", **changed}


def test_hours_are_edited_as_they_are_written(cast: Cast) -> None:
    client = cast.client(cast.sup)
    assert "09:00-12:00, 13:30-18:00" in page(client, "/calendars/work/hours")
    assert client.post("/calendars/work/hours", week()).status_code == 302
    body = documents.get("calendar", "work", 2).body
    assert body["weekly"]["0"] == [[540, 1080]]
    assert "5" not in body["weekly"]
    assert body["working_day_s"] == 27000
    assert "2026-10-01" in body["closed"]  # the days stay


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("weekly.2", "12-9"),
        ("weekly.2", "nine"),
        ("tz", "Mars/Base"),
        ("working_day_s", "long"),
        ("first_year", "2030"),
        ("title", " "),
    ],
)
def test_wrong_hours_are_named_at_their_field_and_kept(cast: Cast, field: str, value: str) -> None:
    before = stored()
    answer = cast.client(cast.sup).post("/calendars/work/hours", week(**{field: value}))
    html = answer.content.decode()
    assert answer.status_code == 422
    assert "invalid-feedback" in html
    assert f'name="{field}" value="{value}"' in html
    assert stored() == before


def test_a_calendar_that_never_opens_is_refused_on_the_page(cast: Cast) -> None:
    closed = {f"weekly.{n}": "" for n in range(7)}
    client = cast.client(cast.sup)
    body = documents.get("calendar", "24x7", 1).body
    form = week(**closed, first_year="", last_year="", tz=body["tz"])
    answer = client.post("/calendars/24x7/hours", form)
    assert answer.status_code == 422
    assert queries.latest_number("calendar", "24x7") == 1


def test_a_copy_is_a_calendar_of_its_own(cast: Cast) -> None:
    client = cast.client(cast.sup)
    assert client.post("/calendars/work/copy", {"key": "night", "title": "夜班"})["Location"] == "/calendars/night/"
    assert documents.get("calendar", "night", 1).body == documents.get("calendar", "work", 1).body
    assert client.post("/calendars/work/copy", {"key": "night", "title": "夜班"}).status_code == 409
    assert client.post("/calendars/work/copy", {"key": "", "title": "夜班"}).status_code == 422


def test_statutory_days_are_taken_once_the_packages_know_them(cast: Cast) -> None:
    client = cast.client(cast.sup)
    before = stored()
    assert client.post("/calendars/work/statutory", {"seen": 1}).status_code == 409
    assert stored() == before
    body = copy.deepcopy(documents.get("calendar", "work", 1).body)
    body["last_year"] = 2025
    body["closed"] = {day: name for day, name in body["closed"].items() if day < "2026"} | {"2025-12-31": "盘点"}
    body["worked"] = {day: x for day, x in body["worked"].items() if day < "2026"}
    documents.create(actor=cast.actor(cast.sup), kind="calendar", key="work", body=body, now=cast.now)
    assert client.post("/calendars/work/statutory", {"seen": 2}).status_code == 302
    taken = documents.get("calendar", "work", 3).body
    assert (taken["first_year"], taken["last_year"]) == (2010, 2026)
    assert taken["closed"]["2025-12-31"] == "盘点"
    assert "2026-10-01" in taken["closed"]


@pytest.mark.parametrize(
    ("url", "form"),
    [
        ("/calendars/work/days/2026-09-10", {"seen": 1, "mode": "closed", "label": "x"}),
        ("/calendars/work/hours", week()),
        ("/calendars/work/statutory", {"seen": 1}),
        ("/calendars/work/copy", {"key": "mine", "title": "x"}),
        ("/standards/draft", {}),
        ("/standards/2/edit", {"revision": 0}),
        ("/standards/2/discard", {}),
        ("/standards/2/propose", {"effective_from": "2026-09-10T00:00"}),
        ("/standards/2/approve", {"capacity": "supervisor"}),
        ("/standards/2/approve", {"capacity": "operations"}),
        ("/standards/2/reject", {"note": "x"}),
    ],
)
def test_who_may_not_edit_changes_nothing(cast: Cast, url: str, form: dict[str, Any]) -> None:
    documents.create(actor=cast.actor(cast.sup), kind="standard", key="default", body=SHIPPED, now=cast.now)
    before = stored()
    for person in (cast.lin, cast.wang, cast.chen, cast.he):
        assert cast.client(person).post(url, form).status_code == 403, person
    assert cast.client().post(url, form)["Location"].startswith("/accounts/login/")
    assert stored() == before


def test_a_department_responder_sees_only_what_departments_agree_on(cast: Cast) -> None:
    he = cast.client(cast.he)
    for url in ("/calendars/", "/calendars/work/", "/standards/1/", "/standards/1/why"):
        page(he, url, 403)
    assert he.get("/standards/")["Location"] == "/standards/collaboration/"
    assert "/standards/1/" not in page(he, "/standards/collaboration/")


# --- standards -------------------------------------------------------------------------------------------------------


def test_the_matrix_shows_each_channel_and_priority(cast: Cast) -> None:
    html = page(cast.client(cast.lin), "/standards/")
    assert html.count('class="jy-cell"') == 24
    cell = html[html.index('popovertarget="cell-chat-P1"') :][:400]
    assert re.search(r"<b>10 \S+</b>", cell)
    assert "None" not in re.sub(r"<[^>]+>", " ", html)


def test_why_this_row_names_the_winner_and_what_failed(cast: Cast) -> None:
    html = page(cast.client(cast.lin), "/standards/1/why?channel=phone&priority=P1")
    assert "P1" in html
    assert html.count("is-selected") == 1
    default = page(cast.client(cast.lin), "/standards/1/why?channel=phone")
    assert "is-selected" not in default


def begun(cast: Cast) -> Client:
    client = cast.client(cast.sup)
    assert client.post("/standards/draft")["Location"] == "/standards/2/edit"
    return client


def test_a_draft_is_edited_in_place_with_changes_marked(cast: Cast) -> None:
    client = begun(cast)
    form = draft_form(SHIPPED, **{"rows.4.targets.first_response.amount": "6", "rows.0.targets.update.amount": "2"})
    form |= {"rows.0.targets.update.unit": "h", "rows.0.targets.update.calendar": "24x7"}
    form |= {"rows.1.targets.next_response.amount": ""}
    assert client.post("/standards/2/edit", form).status_code == 302
    rows = documents.get("standard", "default", 2).body["rows"]
    assert rows[4]["targets"]["first_response"]["amount"] == 6
    assert rows[0]["targets"]["update"] == {"amount": 2, "unit": "h", "calendar": "24x7"}
    assert "next_response" not in rows[1]["targets"]
    assert page(client, "/standards/2/edit").count('<td class="is-changed">') == 3
    shown = page(client, "/standards/2/")
    assert shown.count("jy-cell is-changed") == 6 + 1 + 1  # P3 on all channels, P1 by phone, P1 by chat
    assert documents.in_force("standard", cast.now) == {"default": 1}


def test_a_fault_stands_at_its_cell_and_what_was_typed_is_kept(cast: Cast) -> None:
    client = begun(cast)
    before = stored()
    wrong = {"rows.0.targets.accept.amount": "-5", "rows.4.targets.first_response.amount": "soon"}
    answer = client.post("/standards/2/edit", draft_form(SHIPPED, **wrong))
    html = answer.content.decode()
    assert answer.status_code == 422
    for name, value in wrong.items():
        cell = html[html.index(f'name="{name}"') :]
        assert f'value="{value}"' in cell[:80]
        assert "invalid-feedback" in cell[: cell.index("</td>")]
    assert stored() == before


def test_rules_and_confirmation_are_part_of_the_form(cast: Cast) -> None:
    client = begun(cast)
    form: dict[str, Any] = {
        **draft_form(SHIPPED),
        "rules.accept.starts": "assignment",
        "rules.accept.pauses": ["customer"],
        "rules.accept.warn": "40，70",
        "rules.accept.late_min": "5",
        "confirmation_s": "48",
    }
    assert client.post("/standards/2/edit", form).status_code == 302
    body = documents.get("standard", "default", 2).body
    assert body["rules"]["accept"]["warn"] == [40, 70]
    assert body["rules"]["accept"]["pauses"] == ["customer"]
    assert body["confirmation_s"] == 48 * 3600
    form |= {"revision": "1", "rules.accept.warn": "70, 40", "confirmation_s": "long"}
    answer = client.post("/standards/2/edit", form)
    assert answer.status_code == 422
    assert answer.content.decode().count("invalid-feedback") == 2


def test_a_row_is_added_and_removed_together_with_what_was_typed(cast: Cast) -> None:
    client = begun(cast)
    form = draft_form(SHIPPED, **{"rows.0.targets.accept.amount": "7", "add": "", "new.tier": "vip", "new.like": "p2"})
    assert client.post("/standards/2/edit", form).status_code == 302
    body = documents.get("standard", "default", 2).body
    assert body["rows"][0]["targets"]["accept"]["amount"] == 7
    assert body["rows"][-1]["key"] == "vip"
    assert body["rows"][-1]["targets"]["first_response"] == {"amount": 2, "unit": "h", "calendar": "24x7"}
    again = client.post("/standards/2/edit", {**draft_form(body), "revision": "1", "add": "", "new.tier": "vip"})
    assert again.status_code == 422
    nothing = client.post("/standards/2/edit", {**draft_form(body), "revision": "1", "add": ""})
    assert nothing.status_code == 422
    assert client.post("/standards/2/edit", {**draft_form(body), "revision": "1", "remove": "vip"}).status_code == 302
    assert len(documents.get("standard", "default", 2).body["rows"]) == len(SHIPPED["rows"])


def test_a_stale_draft_form_is_refused_and_one_draft_is_enough(cast: Cast) -> None:
    client = begun(cast)
    assert client.post("/standards/2/edit", draft_form(SHIPPED)).status_code == 302
    before = stored()
    assert client.post("/standards/2/edit", draft_form(SHIPPED)).status_code == 409
    assert client.post("/standards/draft").status_code == 409
    assert stored() == before
    assert client.post("/standards/2/discard").status_code == 302
    assert client.post("/standards/draft")["Location"] == "/standards/3/edit"


def proposed(cast: Cast, client: Client) -> None:
    tomorrow = timezone.localtime(timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    form = {"effective_from": tomorrow, "redate": "on", "note": "季度修订"}
    assert client.post("/standards/2/propose", form).status_code == 302


def test_two_different_people_approve_by_name(cast: Cast) -> None:
    client = begun(cast)
    client.post("/standards/2/edit", draft_form(SHIPPED, **{"rows.4.targets.first_response.amount": "6"}))
    assert client.post("/standards/2/propose", {"effective_from": "soon"}).status_code == 422
    proposed(cast, client)
    assert "季度修订" in page(client, "/standards/2/")
    assert client.post("/standards/2/approve", {"capacity": "supervisor"}).status_code == 302
    assert client.post("/standards/2/approve", {"capacity": "operations"}).status_code == 403
    assert cast.client(cast.ops).post("/standards/2/approve", {"capacity": "operations"}).status_code == 302
    shown = page(client, "/standards/2/")
    assert cast.sup.name in shown
    assert cast.ops.name in shown
    document = documents.get("standard", "default", 2)
    assert (document.state, document.redate) == (State.APPROVED, True)


def test_a_proposal_is_sent_back_with_a_reason(cast: Cast) -> None:
    client = begun(cast)
    proposed(cast, client)
    assert client.post("/standards/2/edit", draft_form(SHIPPED)).status_code == 409
    operations = cast.client(cast.ops)
    assert operations.post("/standards/2/reject", {"note": " "}).status_code == 422
    assert operations.post("/standards/2/reject", {"note": "P3 再想想"}).status_code == 302
    assert documents.get("standard", "default", 2).state == State.DRAFT
    assert "P3 再想想" in page(client, "/standards/2/")


@pytest.mark.usefixtures("still")
def test_the_pages_cost_a_fixed_number_of_queries(cast: Cast) -> None:
    client = cast.client(cast.sup)
    for url, most in (("/standards/", 26), ("/calendars/work/", 14), ("/calendars/", 12)):
        page(client, url)
        with CaptureQueriesContext(connection) as made:
            page(client, url)
        assert len(made) <= most, (url, len(made), [q["sql"][:90] for q in made])


def test_hours_are_read_as_people_write_them() -> None:
    assert forms.read_hours("h", "9:00–12:00，13:30 至 18:00") == [[540, 720], [810, 1080]]
    assert forms.read_hours("h", " 0-24 ") == [[0, 1440]]
    assert forms.read_hours("h", "") == []
    assert written_hours([[810, 1080], [540, 720]]) == "09:00-12:00, 13:30-18:00"
