"""What the made-up centre is working on: a department's answer times, agreed by one side so far, the revision of the
last quarter, and a draft of priority rules to be tried out."""

from datetime import datetime, timedelta

from jiying.base import documents
from jiying.base.actor import Actor, of_person
from jiying.base.models import Person
from jiying.clocks.services import agreements, revisions
from jiying.desk.services import rules
from jiying.desk.services.sample.staff import Staff

FINANCE = {
    "asking": "service",
    "entries": [
        {"kind": None, "target": {"amount": 8, "unit": "h", "calendar": "work"}},
        {"kind": "joint", "target": {"amount": 2, "unit": "h", "calendar": "24x7"}},
    ],
}
COMPLAINT = {
    "key": "vip_complaint",
    "name": {"zh": "VIP 客户投诉", "en": "Complaint of a VIP"},
    "priority": "P2",
    "when": {"type": {"any": ["complaint"]}, "tier": {"any": ["vip"]}},
}


def set_up(people: Staff, now: datetime) -> None:
    """Operations proposed, the supervisor agreed for those who ask; finance has not looked at it yet."""
    operations = of_person(Person.objects.get(username="operations"))
    drafted_at, approved_at = now - timedelta(days=2), now - timedelta(days=1, hours=3)
    draft = agreements.begin(actor=operations, department="finance", now=drafted_at)
    documents.edit(actor=operations, document_id=draft.pk, body=FINANCE, revision=draft.revision, now=drafted_at)
    documents.propose(
        actor=operations,
        document_id=draft.pk,
        effective_from=now + timedelta(days=7),
        redate=False,
        note="对账类问题需要看凭证，按工作时间约定；联合处理仍为 2 小时。",
        now=drafted_at + timedelta(minutes=20),
    )
    documents.approve(actor=of_person(people.supervisor), document_id=draft.pk, capacity="asking", now=approved_at)
    revisions.fall_due(now)
    _draft_rules(operations, now)


def _draft_rules(operations: Actor, now: datetime) -> None:
    """Complaints of VIPs are to be P2, behind whatever is P1."""
    draft = rules.begin(actor=operations, now=now)
    n_first = sum(rule["priority"] == "P1" for rule in draft.body["rules"])
    kept = draft.body["rules"]
    body = {**draft.body, "rules": [*kept[:n_first], COMPLAINT, *kept[n_first:]]}
    documents.edit(actor=operations, document_id=draft.pk, body=body, revision=draft.revision, now=now)
