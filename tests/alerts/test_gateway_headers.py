"""The headers of a gateway: lines of name and value, sealed, never shown, refused by their line."""

import pytest

from jiying.alerts.services.ways import hooks
from jiying.base import connections
from jiying.base.actor import of_person
from jiying.base.connections import ConnectionData
from jiying.base.errors import Invalid
from tests.cast import Cast


def test_headers_are_lines_of_name_and_value_and_a_wrong_one_is_told_without_its_text(cast: Cast) -> None:
    options = {"url": "https://sms.example.com/x"}
    lines = "Authorization: Bearer a|b==\n\nX-App: 7"
    told = {"name": "SMS", "options": options, "secrets": {"headers": lines}}
    page = cast.client(cast.admin)
    assert page.put("/api/v1/connections/sms", {"kind": "sms", **told}, "application/json").status_code == 200
    found = connections.open_one("sms")
    assert found is not None
    assert found.secrets["headers"] == lines
    assert hooks._headers(lines) == {"Authorization": "Bearer a|b==", "X-App": "7"}
    for wrong in ("X-App: 7\nSecret t0ken", "X-App: 7\nTwo words: t0ken", "X-App: 7\n: t0ken"):
        with pytest.raises(Invalid) as refused:
            data = ConnectionData("SMS", options, {"headers": wrong})
            connections.save(actor=of_person(cast.admin), kind="sms", code="b", data=data, revision=None, now=cast.now)
        (fault,) = refused.value.faults
        assert (fault.code, fault.params) == ("bad_header", {"n": 2})
    html = page.get("/connections/sms/").content.decode()
    assert '<textarea name="s_headers"' in html
    assert "Bearer" not in html
