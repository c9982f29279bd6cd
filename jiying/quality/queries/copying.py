"""What surveys add to the tickets of the columnar copy: the answer, and what was asked."""

# ruff: noqa: S608 - own names

from jiying.quality.models import Survey, SurveyDesign
from jiying.warehouse import staging, tables
from jiying.warehouse.staging import Field, Part, Source
from jiying.warehouse.tables import Column, Extension

# A rating from 1 to 5 is what the field calls CSAT.
KINDS = {SurveyDesign.Kind.RATING: "csat", SurveyDesign.Kind.NPS: "nps", SurveyDesign.Kind.CES: "ces"}


def _answered(part: Part) -> str:
    return f"FROM quality_survey WHERE state = '{Survey.State.ANSWERED}' AND {part.among('ticket_id')}"


ANSWERS = Source(
    name="survey_answers",
    fields=(Field("ticket_id", "BIGINT"), Field("score", "INTEGER"), Field("kind", "VARCHAR")),
    rows=_answered,
    kinds=("ticket",),
)
_CODES = " ".join(f"WHEN '{kind}' THEN '{code}'" for kind, code in KINDS.items())
TICKETS = Extension(
    table="tickets",
    columns=(Column("score", "INTEGER"), Column("score_kind", "VARCHAR")),
    missing=("NULL", "''"),
    made=f"SELECT ticket_id AS id, score, CASE kind {_CODES} END AS score_kind FROM survey_answers",
)


def register() -> None:
    """For `AppConfig.ready`."""
    staging.register(ANSWERS)
    tables.extend(TICKETS)
