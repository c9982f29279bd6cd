"""What is known of a customer is corrected by page and API: who may, what is told, what is refused."""

from typing import Any

import pytest

from jiying.base.models import JournalEntry, Person
from jiying.desk.models import Customer
from jiying.desk.services import merging
from jiying.desk.services.customers import CustomerData
from tests.cast import Cast

ZHANG = CustomerData(ref="R1", name="张小龙", phone="13800138000", email="zhang@example.com", region="浙江")


@pytest.fixture
def zhang(cast: Cast) -> Customer:
    cast.accepted(customer=ZHANG)
    return Customer.objects.get(ref="R1")


def _sent(customer: Customer, **values: Any) -> dict[str, Any]:
    """The form as a browser sends it, with what it was filled with."""
    return {"revision": customer.revision, "organisation": "", "region": "浙江", "language": "", **values}


def test_an_agent_corrects_what_a_caller_says_without_seeing_the_rest(cast: Cast, zhang: Customer) -> None:
    client = cast.client(cast.lin)
    assert f"/customers/{zhang.pk}/edit" in client.get(f"/customers/{zhang.pk}/").content.decode()
    page = client.get(f"/customers/{zhang.pk}/edit").content.decode()
    assert "13800138000" not in page and "张小龙" not in page and 'name="tier"' not in page
    answer = client.post(f"/customers/{zhang.pk}/edit", _sent(zhang, phone=" 139 0000 1111", region="广东"))
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/customers/{zhang.pk}/")
    zhang.refresh_from_db()
    assert (zhang.name, zhang.phone, zhang.phone_tail, zhang.email) == ("张小龙", "13900001111", "1111", ZHANG.email)
    assert zhang.region == "广东"
    fact = JournalEntry.objects.get(kind="customer.changed")
    assert fact.data == {"fields": ["phone", "phone_tail", "region"]} and fact.actor_id == cast.lin.pk
    ticket = cast.ticket(customer=CustomerData(phone="13900001111"))
    assert ticket.customer_id == zhang.pk, "the new number leads to them"


def test_data_are_taken_away_only_when_asked(cast: Cast, zhang: Customer) -> None:
    client = cast.client(cast.lin)
    client.post(f"/customers/{zhang.pk}/edit", _sent(zhang, gone=["email"]))
    zhang.refresh_from_db()
    assert (zhang.email, zhang.phone) == ("", ZHANG.phone)
    assert cast.ticket(customer=CustomerData(email=ZHANG.email)).customer_id != zhang.pk


def test_nothing_new_is_no_change(cast: Cast, zhang: Customer) -> None:
    answer = cast.client(cast.lin).post(f"/customers/{zhang.pk}/edit", _sent(zhang, name=" 张小龙 ", region="浙江"))
    zhang.refresh_from_db()
    assert (answer.status_code, zhang.revision) == (302, 0)
    assert not JournalEntry.objects.filter(kind="customer.changed").exists()


def test_who_may_edit_customers_gives_tier_agent_and_tags(cast: Cast, zhang: Customer) -> None:
    client = cast.client(cast.sup)
    about = {"tier": "vip", "dedicated": str(cast.lin.pk), "tags": "大客户，要发票, "}
    assert client.post(f"/customers/{zhang.pk}/edit", _sent(zhang, **about)).status_code == 302
    zhang.refresh_from_db()
    assert (zhang.tier, zhang.dedicated_id, zhang.tags) == ("vip", cast.lin.pk, ["大客户", "要发票"])
    fact = JournalEntry.objects.get(kind="customer.changed")
    assert fact.data == {"fields": ["dedicated", "tags", "tier"]}
    page = client.get(f"/customers/{zhang.pk}/edit").content.decode()
    assert "大客户, 要发票" in page
    assert f'value="{cast.lin.pk}" selected' in page


@pytest.mark.parametrize(
    ("wrong", "field"),
    [({"phone": "abc"}, "phone"), ({"email": "a@"}, "email"), ({"region": "省" * 41}, "region"),
     ({"tags": ",".join("x" * 41 for _ in range(2))}, "tags"), ({"dedicated": "999999"}, "dedicated"),
     ({"tier": "gold"}, "tier")],
)  # fmt: skip
def test_what_is_wrong_is_said_at_its_field_and_nothing_changes(
    cast: Cast, zhang: Customer, wrong: dict[str, str], field: str
) -> None:
    given = _sent(zhang, **{"tier": "standard", "name": "张大龙", **wrong})
    answer = cast.client(cast.sup).post(f"/customers/{zhang.pk}/edit", given)
    assert answer.status_code == 422 and answer.context["form"].errors[field]
    zhang.refresh_from_db()
    assert (zhang.name, zhang.revision) == ("张小龙", 0)


def test_a_stale_form_is_refused(cast: Cast, zhang: Customer) -> None:
    cast.client(cast.sup).post(f"/customers/{zhang.pk}/edit", _sent(zhang, tier="vip"))
    answer = cast.client(cast.lin).post(f"/customers/{zhang.pk}/edit", _sent(zhang, name="张大龙"))
    assert answer.status_code == 422 and answer.context["form"].non_field_errors()
    assert Customer.objects.get(pk=zhang.pk).name == "张小龙"


def test_the_api_changes_only_what_is_named(cast: Cast, zhang: Customer) -> None:
    api, path = cast.api(cast.sup), f"/api/v1/customers/{zhang.pk}"
    told = api.get(path).json()
    assert (told["masked"], told["region"], told["revision"]) == (True, "浙江", 0)
    assert ZHANG.phone not in str(told) and ZHANG.name not in str(told)
    answer = api.patch(path, {"organisation": "北辰", "email": None, "revision": 0}, "application/json")
    assert (answer.status_code, answer.json()["organisation"], answer.json()["email"]) == (200, "北辰", "")
    zhang.refresh_from_db()
    assert (zhang.phone, zhang.region, zhang.email) == (ZHANG.phone, "浙江", "")
    assert api.patch(path, {"name": "张", "revision": 0}, "application/json").status_code == 409
    refused = cast.api(cast.lin).patch(path, {"tier": "vip"}, "application/json")
    assert refused.status_code == 403
    wrong = api.patch(path, {"phone": "abc", "dedicated": 999999}, "application/json")
    assert {one["field"] for one in wrong.json()["errors"]} == {"customer.phone", "customer.dedicated"}
    assert api.patch(path, {"nme": "张"}, "application/json").status_code == 422


def test_who_was_erased_or_merged_is_not_edited(cast: Cast, zhang: Customer) -> None:
    other = Customer.objects.create(name="另一个")
    Customer.objects.filter(pk=zhang.pk).update(merged_into=other)
    path = f"/api/v1/customers/{zhang.pk}"
    assert cast.api(cast.sup).patch(path, {"name": "张"}, "application/json").status_code == 409
    assert cast.client(cast.sup).get(f"/customers/{zhang.pk}/edit").status_code == 302


def test_whoever_cannot_handle_tickets_edits_nobody(cast: Cast, zhang: Customer) -> None:
    assert cast.client(cast.ops).get(f"/customers/{zhang.pk}/edit").status_code == 403
    answer = cast.api(cast.ops).patch(f"/api/v1/customers/{zhang.pk}", {"name": "张"}, "application/json")
    assert answer.status_code == 403 and Customer.objects.get(pk=zhang.pk).name == ZHANG.name


def test_an_agent_who_left_stays_until_another_is_chosen(cast: Cast, zhang: Customer) -> None:
    Customer.objects.filter(pk=zhang.pk).update(dedicated=cast.lin)
    Person.objects.filter(pk=cast.lin.pk).update(is_active=False)
    client, path = cast.client(cast.sup), f"/customers/{zhang.pk}/edit"
    assert f'value="{cast.lin.pk}" selected' in client.get(path).content.decode()
    given = _sent(zhang, tier="standard", dedicated=str(cast.lin.pk), organisation="北辰")
    assert client.post(path, given).status_code == 302
    zhang.refresh_from_db()
    assert (zhang.dedicated_id, zhang.organisation) == (cast.lin.pk, "北辰")
    assert client.post(path, _sent(zhang, tier="standard", dedicated="")).status_code == 302
    assert Customer.objects.get(pk=zhang.pk).dedicated_id is None


def test_a_number_is_not_taken_away_by_mistake(cast: Cast, zhang: Customer) -> None:
    client, path = cast.client(cast.lin), f"/customers/{zhang.pk}/edit"
    for wrong in ({"phone": "-"}, {"phone": "13900001111", "gone": ["phone"]}):
        answer = client.post(path, _sent(zhang, **wrong))
        assert answer.status_code == 422 and answer.context["form"].errors["phone"], wrong
    api = cast.api(cast.sup).patch(f"/api/v1/customers/{zhang.pk}", {"phone": "()"}, "application/json")
    assert api.status_code == 422
    assert Customer.objects.get(pk=zhang.pk).phone == ZHANG.phone


def test_a_region_goes_with_the_customer_and_tickets_keep_theirs(cast: Cast, zhang: Customer) -> None:
    kept = Customer.objects.create(name="张小龙")
    merging.merge(actor=cast.actor(cast.sup), keep_id=kept.pk, drop_id=zhang.pk, now=cast.now)
    kept.refresh_from_db()
    zhang.refresh_from_db()
    assert (kept.region, zhang.region) == ("浙江", "")
    assert kept.tickets.get().region == "浙江"
