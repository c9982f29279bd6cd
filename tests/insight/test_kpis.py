"""The KPI library: complete in words, told alike by page, API and the algorithm page; for those who see figures."""

from pathlib import Path

from django.utils import translation

from jiying.base.texts import TERMS
from jiying.core.metrics import EXCLUDED, KPIS
from tests.cast import Cast

PAGE = Path(__file__).parents[2] / "docs" / "algorithms" / "kpis.md"


def test_every_kpi_has_its_words() -> None:
    for group in ("kpi", "kpi_formula"):
        assert set(TERMS[group]) == set(KPIS)
        assert len({str(word) for word in TERMS[group].values()}) == len(KPIS)
    assert {kpi.variant for kpi in KPIS.values()} == set(TERMS["kpi_variant"])
    assert {kpi.group for kpi in KPIS.values()} == set(TERMS["kpi_group"])
    assert set(EXCLUDED) == set(TERMS["kpi_excluded"])


def test_the_algorithm_page_tells_the_same_formulas() -> None:
    with translation.override("en"):
        lines = [
            f"| `{key}` | {TERMS['kpi'][key]} | {TERMS['kpi_formula'][key]} "
            f"| {kpi.unit} | {kpi.direction} | {kpi.min_n} |"
            for key, kpi in KPIS.items()
        ]
    told = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    assert told == lines


def test_page_and_api_show_the_library_to_those_who_see_figures(cast: Cast) -> None:
    page = cast.client(cast.sup).get("/insight/kpis/")
    assert page.status_code == 200 and all(f'id="{key}"' in page.content.decode() for key in KPIS)
    items = cast.api(cast.wang).get("/api/v1/kpis").json()["items"]
    assert [item["key"] for item in items] == list(KPIS)
    assert cast.client(cast.lin).get("/insight/kpis/").status_code == 403
    assert cast.api(cast.lin).get("/api/v1/kpis").status_code == 403
