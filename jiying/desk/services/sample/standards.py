"""Standards of the made-up centre that are being worked on: a department's answer times, agreed by one side so far."""

from datetime import datetime, timedelta

from jiying.base import documents
from jiying.base.actor import of_person
from jiying.base.models import Person
from jiying.clocks.services import agreements
from jiying.desk.services.sample.staff import Staff

FINANCE = {
    "asking": "service",
    "entries": [
        {"kind": None, "target": {"amount": 8, "unit": "h", "calendar": "work"}},
        {"kind": "joint", "target": {"amount": 2, "unit": "h", "calendar": "24x7"}},
    ],
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
