"""Priority rules with their editor (D21): drafted, tried on past tickets, approved by two, then in force."""

import copy
from datetime import timedelta
from typing import Any

import pytest

from jiying.base import documents
from jiying.base.actor import SYSTEM
from jiying.base.errors import Conflict, Denied, Invalid
from jiying.base.models import VersionedDocument
from jiying.desk.models import Ticket
from jiying.desk.services import handling, rules
from tests.cast import Cast, forget_all

PHOTO = {"key": "photo", "name": {"zh": "照片类"}, "priority": "P2", "when": {"words": {"any": ["照片"]}}}


def held() -> dict[str, Any]:
    return copy.deepcopy(VersionedDocument.objects.get(kind="priority", number=1).body)


def with_photo() -> dict[str, Any]:
    body = held()
    return {**body, "rules": [PHOTO, *body["rules"]]}


def test_a_trial_says_what_would_have_changed_and_changes_nothing(cast: Cast) -> None:
    hit, by_hand = cast.ticket(subject="上传照片"), cast.ticket(subject="换个照片")
    cast.ticket(subject="你好")
    assert hit.priority == "P3"
    handling.set_priority(
        actor=cast.actor(cast.wang), number=by_hand.number, priority="P2", reason="常见", now=cast.now
    )
    since = cast.now - timedelta(days=1)
    found = rules.try_rules(actor=cast.actor(cast.ops), body=with_photo(), since=since, now=cast.now)
    assert (found.n_tickets, found.n_changed, found.moves["P3", "P2"]) == (3, 2, 2)
    assert (found.n_by_hand, found.n_right, found.n_right_before) == (1, 1, 0)
    assert {one.number for one in found.examples} == {hit.number, by_hand.number}
    assert found.by_rule["photo"] == 2
    assert Ticket.objects.get(pk=hit.pk).priority == "P3"
    same = rules.try_rules(actor=cast.actor(cast.ops), body=held(), since=since, now=cast.now)
    assert same.n_changed == 0


def test_an_amount_at_stake_is_kept_so_that_rules_about_it_can_be_tried(cast: Cast) -> None:
    cast.ticket(subject="请处理", amount=600_000)
    body = held()
    dear = {"key": "dear", "priority": "P1", "when": {"amount": {"at_least": 500_000}}}
    found = rules.try_rules(
        actor=SYSTEM, body={**body, "rules": [dear, *body["rules"]]}, since=cast.now - timedelta(days=1), now=cast.now
    )
    assert found.by_rule["dear"] == 1


def test_a_draft_holds_after_two_people_approved_it(cast: Cast) -> None:
    ops, sup, admin = cast.client(cast.ops), cast.client(cast.sup), cast.client(cast.admin)
    assert ops.post("/setup/priority/begin").headers["Location"] == "/setup/priority/2/edit"
    with pytest.raises(Conflict):
        rules.begin(actor=SYSTEM, now=cast.now)
    form = _form(ops.get("/setup/priority/2/edit").context)
    n = len(held()["rules"])
    form |= {
        f"rule.{n}.place": "0",
        f"rule.{n}.zh": "照片类",
        f"rule.{n}.priority": "P2",
        f"rule.{n}.words.any": "照片\n图片，截图",
        f"rule.{n}.channel": ["web"],
        f"rule.{n}.amount.at_most": "99.5",
        "done": "1",
    }
    assert ops.post("/setup/priority/2/edit", form).status_code == 302
    draft = documents.get("priority", "default", 2).body
    assert draft["rules"][0] == {
        "key": "rule_1",
        "name": {"zh": "照片类"},
        "priority": "P2",
        "when": {
            "channel": {"any": ["web"]},
            "words": {"any": ["照片", "图片", "截图"]},
            "amount": {"at_most": 9950},
        },
    }
    assert draft["rules"][1:] == held()["rules"]  # what nobody touched is the same after the form
    assert ops.get("/setup/priority/2/?days=30").status_code == 200
    assert ops.post("/setup/priority/2/propose", {"effective_from": "2026-01-01T00:00"}).status_code == 302
    assert ops.post("/setup/priority/2/approve", {"capacity": "supervisor"}).status_code == 403
    assert sup.get("/setup/priority/2/").status_code == 200
    assert sup.post("/setup/priority/2/approve", {"capacity": "supervisor"}).status_code == 302
    assert admin.post("/setup/priority/2/approve", {"capacity": "operations"}).status_code == 302
    forget_all()
    assert documents.get("priority", "default", 2).state == "approved"


def _form(context: Any) -> dict[str, Any]:
    """What a browser would send of the editor as it is shown."""
    form: dict[str, Any] = {"revision": context["revision"], "default": context["default"]}
    for rule in context["rules"]:
        at = f"rule.{rule['n']}"
        form |= {f"{at}.key": rule["key"], f"{at}.place": rule["place"], f"{at}.priority": rule["priority"]}
        form |= {f"{at}.zh": rule["name"].get("zh", ""), f"{at}.en": rule["name"].get("en", "")}
        form |= {f"{at}.{one['name']}": one["text"] for one in rule["lists"]}
        form |= {f"{at}.{one['name']}": one["value"] for one in rule["bounds"]}
        for one in rule["choices"]:
            form |= {f"{at}.{one['field']}": one["values"], f"{at}.{one['field']}.way": one["way"]}
        form |= {f"{at}.category.{way}": values for way, values in rule["category"].items()}
    return form


def test_faults_stand_at_their_rule_and_a_stale_form_is_refused(cast: Cast) -> None:
    ops = cast.client(cast.ops)
    ops.post("/setup/priority/begin")
    form = _form(ops.get("/setup/priority/2/edit").context)
    shown = ops.post("/setup/priority/2/edit", {**form, "rule.0.priority": "P9", "rule.1.words.any": "x" * 90})
    assert shown.status_code == 422
    assert [bool(rule["errors"]) for rule in shown.context["rules"]][:3] == [True, True, False]
    assert ops.post("/setup/priority/2/edit", {**form, "revision": "7"}).status_code == 409
    assert ops.post("/setup/priority/2/discard").status_code == 302
    assert ops.get("/setup/priority/2/edit").status_code == 409


def test_only_who_edits_or_approves_rules_reads_and_tries_them(cast: Cast) -> None:
    lin = cast.actor(cast.lin)
    with pytest.raises(Denied):
        rules.begin(actor=lin, now=cast.now)
    with pytest.raises(Denied):
        rules.try_rules(actor=lin, body=held(), since=cast.now, now=cast.now)
    with pytest.raises(Invalid):
        rules.try_rules(actor=SYSTEM, body={"rules": "x"}, since=cast.now, now=cast.now)
    assert cast.client(cast.lin).get("/setup/priority/").status_code == 403
    assert cast.client(cast.sup).post("/setup/priority/begin").status_code == 403


def test_the_api_drafts_tries_and_approves(cast: Cast) -> None:
    ops = cast.api(cast.ops)
    cast.ticket(subject="上传照片")
    tried = ops.post(
        "/api/v1/priority-rule-trials", {"body": with_photo(), "days": 366}, content_type="application/json"
    )
    assert tried.status_code == 200
    made = ops.post("/api/v1/priority-rules", {"body": with_photo()}, content_type="application/json")
    assert made.status_code == 201 and made.json()["number"] == 2
    again = ops.post("/api/v1/priority-rules", {"body": with_photo()}, content_type="application/json")
    assert again.status_code == 409
    proposal = {"effective_from": "2026-09-10T00:00:00+08:00"}
    assert ops.post("/api/v1/priority-rules/2/propose", proposal, content_type="application/json").status_code == 200
    listed = ops.get("/api/v1/priority-rules").json()["items"]
    assert [(one["number"], one["state"], one["in_force"]) for one in listed] == [
        (2, "proposed", False),
        (1, "approved", True),
    ]
