"""Survey designs as they are edited, and the question of one in the reader's language."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from jiying.base.actor import Actor
from jiying.base.errors import NotFound
from jiying.base.policies import require
from jiying.base.texts import term
from jiying.desk.queries.categories import in_language
from jiying.quality.models import Survey, SurveyDesign
from jiying.quality.policies import EDIT

PERIOD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class DesignRow:
    """A design with what it asked, and how often it was answered, in the last 30 days."""

    code: str
    label: str
    name_zh: str
    name_en: str
    kind: str
    items: list[str]
    question_zh: str
    question_en: str
    channels: list[str]
    categories: list[str]
    types: list[str]
    share: int
    delay_h: int
    expires_days: int
    tells: bool
    reminder_h: int
    quiet_days: int
    active: bool
    revision: int
    n_asked: int
    n_answered: int


@dataclass(frozen=True, slots=True)
class Designs:
    items: list[DesignRow]


def designs(actor: Actor, now: datetime) -> Designs:
    """In the order in which they are tried: the first that fits a ticket asks."""
    require(actor, EDIT)
    asked = Survey.objects.filter(opens_at__gt=now - PERIOD, state__in=("open", "answered", "expired"))
    counts = asked.values("design").annotate(n=Count("pk"), n_done=Count("pk", filter=Q(state="answered")))
    known = {one["design"]: (one["n"], one["n_done"]) for one in counts.order_by()}
    return Designs([_row(one, *known.get(one.pk, (0, 0))) for one in SurveyDesign.objects.order_by("pk")])


def design(actor: Actor, code: str, now: datetime) -> DesignRow:
    found = next((one for one in designs(actor, now).items if one.code == code), None)
    if found is None:
        raise NotFound("survey_design", code)
    return found


def _row(one: SurveyDesign, n_asked: int, n_answered: int) -> DesignRow:
    same = set(DesignRow.__dataclass_fields__) - {"label", "n_asked", "n_answered"}
    values = {name: getattr(one, name) for name in same}
    return DesignRow(label=label(one), n_asked=n_asked, n_answered=n_answered, **values)


def label(one: SurveyDesign) -> str:
    return in_language(one.name_zh, one.name_en)


def question(one: SurveyDesign, kind: str) -> str:
    """The design's own question, else the usual one of the kind."""
    own = in_language(one.question_zh, one.question_en)
    return own or term("survey_question", kind) or _("How did we do?")
