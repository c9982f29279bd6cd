"""Figures sent to somebody: who may see them gets a pop-up and a mail with the workbook, nobody else."""

from io import BytesIO
from typing import Any

import pytest
from django.utils import timezone
from openpyxl import load_workbook

from jiying.alerts.models import Alert
from jiying.alerts.services import mails
from jiying.base import jobs
from jiying.base.models import Job, JournalEntry, Person
from jiying.desk.models import Ticket
from jiying.insight.models import KeptReport
from jiying.insight.queries.replays import KIND
from tests.cast import NOW, Cast
from tests.insight.test_reports import WEEK, centre

__all__ = ["centre"]


@pytest.fixture(autouse=True)
def _mails(settings: Any) -> None:
    settings.MAIL_ENABLED = True


def _replayed(cast: Cast) -> Job:
    answer = cast.client(cast.sup).post("/replays/", {
        "since": "2026-09-07", "until": "2026-09-13", "metric": "first_response", "minutes": "90",
    })  # fmt: skip
    assert answer.status_code == 302
    Person.objects.filter(pk=cast.wang.pk).update(email="wang@example.com")
    row = Job.objects.get(kind=KIND)
    jobs.handle([row.pk], timezone.now())
    return Job.objects.get(pk=row.pk)


def _mailed(person: Any) -> Any:
    """The mail of what this person was told last."""
    alert = Alert.objects.filter(person=person).latest("pk")
    delivery = alert.delivery
    assert delivery is not None

    return mails.compose(delivery, person, [alert], timezone.now())


def test_a_replay_goes_to_a_manager_as_a_workbook(cast: Cast, centre: list[Ticket]) -> None:
    row = _replayed(cast)
    page = cast.client(cast.sup).get(f"/replays/{row.pk}/")
    assert cast.wang in page.context["readers"] and cast.lin not in page.context["readers"]
    answer = cast.client(cast.sup).post(f"/replays/{row.pk}/send", {"person": cast.wang.pk, "note": " 请看 P2\n "})
    assert answer.status_code == 302
    alert = Alert.objects.get(person=cast.wang, kind="replay.noted")
    assert alert.data["note"] == "请看 P2"
    sent = _mailed(cast.wang)
    assert cast.sup.name in sent.subject and f"/replays/{row.pk}/" in sent.body
    name, body, kind = sent.attachments[0]
    assert name == f"replay-{row.pk}.xlsx" and kind.endswith("sheet")
    assert load_workbook(BytesIO(body)).worksheets[0]["A1"].value
    fact = JournalEntry.objects.get(subject_kind="replay", kind="replay.sent")
    assert fact.data == {"to": cast.wang.pk}  # the words are the alert's, no journal's
    assert "请看 P2" in cast.client(cast.wang).get("/alerts/").content.decode()


def test_who_may_not_see_gets_nothing(cast: Cast, centre: list[Ticket]) -> None:
    row = _replayed(cast)
    client, n = cast.client(cast.sup), Alert.objects.count()
    for given in ({"person": cast.lin.pk}, {"person": 999999}, {}, {"person": cast.wang.pk, "note": "x" * 501}):
        assert client.post(f"/replays/{row.pk}/send", given).status_code == 422, given
    assert cast.client(cast.lin).post(f"/replays/{row.pk}/send", {"person": cast.wang.pk}).status_code == 403
    path = f"/api/v1/replays/{row.pk}/send"
    api = cast.api(cast.sup)
    assert api.post(path, {"person": cast.lin.pk}, content_type="application/json").status_code == 422
    assert Alert.objects.count() == n
    assert api.post(path, {"person": cast.wang.pk}, content_type="application/json").status_code == 204
    Job.objects.filter(pk=row.pk).update(finished_at=None)
    assert api.post(path, {"person": cast.wang.pk}, content_type="application/json").status_code == 422


def test_a_kept_report_goes_to_whom_it_is_open(cast: Cast, centre: list[Ticket]) -> None:
    body = cast.api(cast.sup).get(f"/api/v1/reports/figures?{WEEK}").json()
    about = {"kind": "week", "first": "2026-09-07", "last": "2026-09-13", "made_at": NOW, "body": body}
    whole, own = KeptReport.objects.create(**about), KeptReport.objects.create(**about, team=cast.team1)
    Person.objects.filter(pk=cast.wang.pk).update(email="wang@example.com")
    client = cast.client(cast.sup)
    assert client.post(f"/reports/kept/{whole.pk}/send", {"person": cast.wang.pk}).status_code == 422
    assert client.post(f"/reports/kept/{own.pk}/send", {"person": cast.wang.pk}).status_code == 302
    sent = _mailed(cast.wang)
    name, file, _kind = sent.attachments[0]
    assert name == "report-2026-09-07-2026-09-13.xlsx" and load_workbook(BytesIO(file)).worksheets
    got = client.get(f"/reports/kept/{own.pk}/report.xlsx")
    assert got.status_code == 200 and load_workbook(BytesIO(got.content)).worksheets
    assert client.get(f"/reports/kept/{own.pk}/").status_code == 200
