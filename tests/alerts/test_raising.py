"""Raising: a key is told once; what must leave the house waits as one delivery for each person."""

from datetime import timedelta
from typing import Any

import pytest

from jiying.alerts.models import Alert, Delivery
from jiying.alerts.services import raising
from tests.alerts import cast

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mail_is_on(settings: Any) -> None:
    settings.MAIL_ENABLED = True


def test_the_same_key_is_never_told_twice():
    ann = cast.person("ann")
    assert raising.raise_alerts([cast.notice(ann)], now=cast.NOW) == 1
    assert raising.raise_alerts([cast.notice(ann)], now=cast.NOW + timedelta(hours=1)) == 0
    assert Alert.objects.count() == 1
    assert Delivery.objects.count() == 1, "a repeat must not make another message"


def test_the_same_key_twice_in_one_call_is_one_alert():
    ann = cast.person("ann")
    assert raising.raise_alerts([cast.notice(ann), cast.notice(ann)], now=cast.NOW) == 1
    assert Alert.objects.count() == 1


def test_what_comes_together_leaves_as_one_delivery_for_each_person():
    ann, ben = cast.person("ann"), cast.person("ben")
    raising.raise_alerts([cast.notice(who, n) for n in range(1, 6) for who in (ann, ben)], now=cast.NOW)
    assert Alert.objects.count() == 10
    assert {(d.person_id, d.alerts.count()) for d in Delivery.objects.all()} == {(ann.pk, 5), (ben.pk, 5)}


def test_a_warning_stays_in_the_house():
    raising.raise_alerts([cast.notice(cast.person("ann"), kind="promise.warn")], now=cast.NOW)
    assert Alert.objects.get().delivery is None
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("fields", [{"email": ""}, {"is_active": False}])
def test_nobody_without_an_address_gets_a_delivery(fields: dict[str, Any]):
    raising.raise_alerts([cast.notice(cast.person("ann", **fields))], now=cast.NOW)
    assert Alert.objects.count() == 1
    assert not Delivery.objects.exists()


def test_with_mail_switched_off_alerts_stay_in_the_app(settings: Any):
    settings.MAIL_ENABLED = False
    raising.raise_alerts([cast.notice(cast.person("ann"))], now=cast.NOW)
    assert Alert.objects.get().delivery is None
