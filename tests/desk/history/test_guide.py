"""docs/import.md says what the code does: its example is a mapping, and every code that may come up is explained."""

import re
from pathlib import Path

from jiying.desk.services.history.mapping import parse_mapping

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "import.md").read_text(encoding="utf-8")
CODE = re.compile(r'(?:LogFileError|_Unreadable|RowNote)\(\s*(?:[\w.]+, )?"([a-z_0-9]+)"')


def test_the_example_is_a_mapping() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    mapping = parse_mapping(example)
    assert mapping.name == "hotline"
    assert mapping.fields["priority"].otherwise == "P4"


def test_every_code_is_explained() -> None:
    source = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "jiying" / "desk" / "services" / "history").glob("*.py")
    )
    codes = set(CODE.findall(source))
    assert {"file_missing", "row_twice", "value_unknown", "xml_broken"} <= codes
    assert {code for code in codes if f"`{code}`" not in GUIDE} == set()
