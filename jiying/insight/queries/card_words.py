"""What a card says of itself in words: slices, how its limits are made, what is beyond them."""

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from jiying.core.metrics import KPIS, bursts
from jiying.core.metrics.control import MIN_POINTS
from jiying.core.metrics.correlation import MIN_PAIRS
from jiying.core.metrics.trends import MOVING
from jiying.insight.queries import card_tables, reports
from jiying.insight.queries.cards import Card
from jiying.insight.queries.counting import TAG
from jiying.insight.queries.dashboards import CardData, Heat, Slices, Together, Topics, Trend


def slices(card: Card) -> list[tuple[str, str]]:
    """[(name of the slice, value in words)]."""
    return [(name, reports.labels(name, [value]).get(value, value)) for name, value in card.where.items()]


def sentences(data: CardData) -> list[str]:
    if data.trend:
        return _trend(data.trend)
    if data.slices:
        return _slices(data.slices)
    if data.heat:
        return _heat(data.heat)
    if data.topics:
        return _topics(data.topics)
    if data.correlation:
        return _together(data.correlation)
    raise AssertionError("a card has one of five kinds")


def _trend(found: Trend) -> list[str]:
    told = [_beyond(found)] if found.chart else [_few(found)]
    if found.chart:
        about = {"centre": card_tables.limit(found.kpi, found.centre).text}
        told.append(_how(found) % {**about, "scatter": number_format(found.scatter or 1, 2)})
    if found.is_provisional:
        told.append(_("Limits of so few points are provisional."))
    width = MOVING[found.step]
    moving = _("The moving mean is of %(n)s weeks.") if found.step == "week" else _("The moving mean is of %(n)s days.")
    return [*told, moving % {"n": width}]


def _few(found: Trend) -> str:
    return _("Control limits need %(least)s points with cases; until then there are none.") % {"least": MIN_POINTS}


def _beyond(found: Trend) -> str:
    if not found.n_out:
        return _("All points lie within their limits: what goes up and down here is the usual swing.")
    text = ngettext(
        "%(out)s of %(n)s points lies beyond its limits.", "%(out)s of %(n)s points lie beyond their limits.",
        found.n_out,
    )  # fmt: skip
    return text % {"out": found.n_out, "n": found.n_judged}


def _how(found: Trend) -> str:
    if found.chart == "p":
        return _("p chart: %(centre)s of all points ± 3 standard errors, by the cases of each point.")
    if found.chart == "p_prime":
        return _("p′ chart (Laney): %(centre)s of all points ± 3 standard errors × %(scatter)s, since points scatter "
                 "more than chance.")  # fmt: skip
    return _("XmR chart: mean of the points %(centre)s ± 3 × mean moving range ÷ 1.128.")


def _slices(found: Slices) -> list[str]:
    told = []
    if found.by == TAG:
        told.append(_("A ticket with several tags counts in each of them."))
    if found.n_left_out:
        told.append(
            ngettext("%(n)s value with fewer cases is not shown.", "%(n)s values with fewer cases are not shown.",
                     found.n_left_out) % {"n": found.n_left_out}
        )  # fmt: skip
    if any(row.figure.few for row in found.rows):
        told.append(_("Pale figures come from fewer than %(n)s cases.") % {"n": KPIS[found.kpi].min_n})
    return told


def _heat(found: Heat) -> list[str]:
    told = []
    if found.n_left_out:
        told.append(
            ngettext("%(n)s smaller category is not shown.", "%(n)s smaller categories are not shown.",
                     found.n_left_out) % {"n": found.n_left_out}
        )  # fmt: skip
    if found.n_columns_left_out:
        told.append(
            ngettext("%(n)s smaller column is not shown.", "%(n)s smaller columns are not shown.",
                     found.n_columns_left_out) % {"n": found.n_columns_left_out}
        )  # fmt: skip
    if any(cell.few for row in found.rows for cell in row.cells):
        told.append(_("Pale figures come from fewer than %(n)s cases.") % {"n": KPIS[found.kpi].min_n})
    return told


def _topics(found: Topics) -> list[str]:
    if not found.is_judged:
        return [
            _("What is usual can be said after %(n)s stretches as long as this one.") % {"n": bursts.MIN_BEFORE},
        ]
    told = _("No category is beyond its usual range.")
    if found.n_hot:
        told = ngettext(
            "%(n)s category is beyond its usual range.", "%(n)s categories are beyond their usual range.", found.n_hot
        ) % {"n": found.n_hot}
    rule = _(
        "Usual is the median of up to %(n)s stretches before on the same weekdays; hot above it by more than 3 times "
        "the greatest of 1.4826 × median deviation, root of the median, and 1, from %(least)s tickets on."
    )
    return [told, rule % {"n": bursts.N_BEFORE, "least": bursts.MIN_CASES}]


def _together(found: Together) -> list[str]:
    name = {"spearman": _("Spearman's ρ"), "pearson": _("Pearson's r")}[found.method]
    if found.value is None:
        text = _("%(name)s cannot be told of %(n)s days: it needs %(least)s with both figures, and both must vary.")
        return [text % {"name": name, "n": found.n, "least": MIN_PAIRS}]
    told = [f"{name} = {_signed(found.value)} · n = {found.n}"]
    if found.low is not None and found.high is not None:
        told[0] += f" · 95 % {_signed(found.low)} … {_signed(found.high)}"
    if found.few:
        told.append(_("Few days: chance alone makes coefficients of this size."))
    return [*told, _("That two figures move together does not say that one makes the other.")]


def _signed(value: float) -> str:
    return ("+" if value > 0 else "−" if value < 0 else "") + number_format(abs(value), 2)
