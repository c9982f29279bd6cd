"""Whatever OpenAPI allows or forbids, asked of the API in process: never a 5xx, and every answer as the schema says."""

from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from tests.cast import Cast, forget_all, make_cast

N_EXAMPLES = 16
# Ids that exist are found by chance too seldom: most requests name one of these.
KNOWN: dict[str, list[Any]] = {}


@pytest.fixture(scope="module")
def administrator(django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """The token of one who may do everything, beside tickets in several states; all of it is rolled back at the end."""
    ends = (request_started, request_finished)
    for signal in ends:  # as Django's own test client does: the end of a request would close our transaction
        signal.disconnect(close_old_connections)
    with django_db_blocker.unblock(), transaction.atomic():
        forget_all()
        cast = make_cast()
        _furnish(cast)
        yield cast.token(cast.admin)
        transaction.set_rollback(True)
        forget_all()
    for signal in ends:
        signal.connect(close_old_connections)


def _furnish(cast: Cast) -> None:
    from jiying.clocks.models import Clock
    from jiying.desk.models import AgentLoad
    from jiying.desk.services import collaboration, handling
    from jiying.desk.services.customers import CustomerData

    tickets = [
        cast.accepted(subject=f"{n}", customer=CustomerData(name="王小明", phone="13812345678")) for n in range(4)
    ]
    lin = cast.actor(cast.lin)
    asked = collaboration.ask(
        actor=lin, number=tickets[0].number, department="logistics", question="在哪里？", now=cast.now
    )
    handling.resolve(actor=lin, number=tickets[1].number, now=cast.now)
    handling.hold(actor=lin, number=tickets[2].number, reason="customer", now=cast.now)
    clock = Clock.objects.filter(subject_kind="ticket").order_by("pk").first()
    assert clock is not None
    Clock.objects.filter(pk=clock.pk).update(breached_at=cast.now)
    AgentLoad.objects.filter(person=cast.zhao).update(capacity=0)
    KNOWN.update(
        {
            "number": [*(t.number for t in tickets), "1"],
            "collaboration_id": [asked.pk],
            "customer_id": [tickets[0].customer_id],
            "clock_id": [clock.pk],
            "person_id": [cast.lin.pk],
            "key": ["24x7", "work"],
        }
    )


def _known_places(context: Any, value: dict[str, Any] | None) -> dict[str, Any] | None:
    for name, places in KNOWN.items():
        if value and name in value and len(str(value[name])) % 4:
            value[name] = places[len(str(value[name])) // 2 % len(places)]
    return value


schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
schema.hook("map_path_parameters")(_known_places)


@pytest.mark.django_db
@schema.parametrize()
@hypothesis.settings(
    max_examples=N_EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)
def test_no_request_makes_the_api_fail(case: Any, administrator: str) -> None:
    # A made-up Host is Django's to refuse (400), and one such as `&].y` fails in the caller's own URL parser.
    case.call_and_validate(
        headers={"Authorization": f"Bearer {administrator}", "Host": "testserver"},
        checks=[not_a_server_error, response_schema_conformance],
    )
