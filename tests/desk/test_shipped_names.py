"""Names that we ship are told in the reader's language, until somebody renames them; what people wrote stays theirs."""

import re
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone, translation

from jiying.base import documents, organisation, personnel, texts
from jiying.base.models import Department, Person, Role, VersionedDocument
from jiying.desk.models import Category
from jiying.desk.services.sample import staff
from tests.cast import Cast

HAN = re.compile("[\u4e00-\u9fff]")


def english(client: Client, path: str) -> str:
    """The page in English without scripts."""
    client.cookies["django_language"] = "en"
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def test_shipped_rows_have_the_readers_words(cast: Cast) -> None:
    role, title = Role.objects.get(code="agent"), documents.get("calendar", "work", 1)
    assert (role.label, title.label) == ("客服", "工作日")
    with translation.override("en"):
        assert (role.label, title.label) == ("Agent", "Workdays")


def test_a_new_name_wins_in_every_language(cast: Cast) -> None:
    role = Role.objects.get(code="agent")
    organisation.save_role(
        actor=cast.actor(cast.admin),
        code="agent",
        name="座席",
        rights=role.rights,
        seen=personnel.mark(organisation.role_facts(role)),
        now=cast.now,
    )
    role.refresh_from_db()
    with translation.override("en"):
        assert role.label == "座席"


def test_saving_a_form_in_another_language_renames_nothing(cast: Cast) -> None:
    role = Role.objects.get(code="agent")
    role.name = "Agent"  # saved by an English reader without touching it
    role.save()
    with translation.override("zh-hans"):
        assert role.label == "客服"


def test_a_department_of_the_house_keeps_its_name(cast: Cast) -> None:
    own = Department.objects.create(code="finance", name="财务共享中心")
    with translation.override("en"):
        assert own.label == "财务共享中心"
        assert Department(code="finance", name=texts.TERMS["department"]["finance"]).label == "Finance department"


@pytest.mark.parametrize(("typed", "code"), [("物流", "logistics"), ("refunds", "refunds"), ("木工", "木工")])
def test_a_skill_is_typed_in_words_and_kept_as_code(typed: str, code: str) -> None:
    assert texts.code_of("skill", typed) == code


def test_the_api_tells_titles_in_the_callers_language(cast: Cast) -> None:
    api = cast.api(cast.ops)
    answer = api.get("/api/v1/calendars", headers={"accept-language": "en"})
    assert [row["title"] for row in answer.json()["items"]] == ["Round the clock", "Workdays"]


PAGES = ("/standards/", "/calendars/", "/calendars/work/?year=2026", "/people/roles/", "/people/roles/agent/")


@pytest.mark.parametrize("path", PAGES)
def test_english_pages_have_nothing_chinese_of_ours(cast: Cast, path: str) -> None:
    Person.objects.filter(pk=cast.admin.pk).update(name="Adm")
    Person.objects.exclude(pk=cast.admin.pk).update(is_active=False)
    Department.objects.filter(code="service").delete()
    page = english(cast.client(Person.objects.get(pk=cast.admin.pk)), path).replace("中文", "")
    page = page.replace("物流部", "")  # a department that this house named so itself
    assert HAN.findall(page) == []


def test_the_sample_centre_is_made_of_codes(db: None) -> None:
    from jiying.base import seeds

    now = timezone.now() - timedelta(days=1)
    seeds.run(now)
    staff.hire(Random(1), now)  # noqa: S311 - made-up people
    for skills in (
        *Person.objects.values_list("skills", flat=True),
        *Category.objects.values_list("skills", flat=True),
    ):
        assert skills.keys() <= texts.TERMS["skill"].keys()
    rows: list[Any] = [row for model in (Department, Role, VersionedDocument) for row in model.objects.all()]
    with translation.override("en"):
        assert [row.label for row in rows if HAN.search(row.label)] == []
