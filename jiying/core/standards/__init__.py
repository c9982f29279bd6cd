"""Standard sets (C6-C9): what is promised to whom, which row wins and why, and what a draft changes.

The form that people edit is a JSON document; `parse` refuses it whole with every problem named. May not import Django,
read the present time or look into a calendar: a target names its calendar only.
"""

from jiying.core.calendars import Problem
from jiying.core.standards.agreements import (
    ANY,
    Agreement,
    Entry,
    agreement_changes,
    agreement_problems,
    by_department,
    parse_agreement,
    promised,
)
from jiying.core.standards.difference import Change, difference
from jiying.core.standards.form import StandardError, parse, problems
from jiying.core.standards.shipped import SHIPPED
from jiying.core.standards.table import (
    CHANNELS,
    DEFAULT_KEY,
    HOLD_REASONS,
    PRIORITIES,
    TICKET_METRICS,
    UNITS,
    Choice,
    Collaboration,
    Considered,
    Facts,
    Row,
    Rule,
    Standard,
    Target,
    choose,
)

__all__ = [
    "ANY", "CHANNELS", "DEFAULT_KEY", "HOLD_REASONS", "PRIORITIES", "SHIPPED", "TICKET_METRICS", "UNITS", "Agreement",
    "Change", "Choice", "Collaboration", "Considered", "Entry", "Facts", "Problem", "Row", "Rule", "Standard",
    "StandardError", "Target", "agreement_changes", "agreement_problems", "by_department", "choose", "difference",
    "parse", "parse_agreement", "problems", "promised",
]  # fmt: skip
