"""Pictures, voices and files of messengers: fetched, checked, hung on their message once; failures shown, retried."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from jiying.base import due, files
from jiying.base.models import Attachment, Connection
from jiying.channels.models import Enclosure, HookCall
from jiying.channels.services import enclosures, vendor_calls
from jiying.core import hooks
from jiying.core.social import read
from jiying.desk.models import Message, Ticket
from jiying.desk.services import privacy
from tests.cast import Cast
from tests.channels.other_side import OtherSide, other_side
from tests.channels.test_social import connect, through_dingtalk, through_feishu, through_wechat, work
from tests.core.test_hooks import sealed_for_wechat

JPEG = b"\xff\xd8\xff\xe0" + b"picture" * 20
KEYS = {
    "/cgi-bin/gettoken": {"errcode": 0, "access_token": "a1", "expires_in": 7200},
    "/cgi-bin/stable_token": {"errcode": 0, "access_token": "a1", "expires_in": 7200},
    "/open-apis/auth/v3/tenant_access_token/internal": {"code": 0, "tenant_access_token": "t-1", "expire": 7200},
    "/v1.0/oauth2/accessToken": {"accessToken": "d1", "expireIn": 7200},
}


@pytest.fixture
def side(settings: Any) -> Iterator[OtherSide]:
    settings.INSIDE_HOSTS = ["127.0.0.1"]
    vendor_calls._keys.clear()
    with other_side() as found:
        found.answers |= {path: (200, told) for path, told in KEYS.items()}
        yield found


def fetch(after: timedelta = timedelta()) -> None:
    due.run(due.SWEEPS["enclosures"], timezone.now() + after)


def picture(kind: str, n: int = 1, what: str = "image") -> None:
    """A picture in WeCom or WeChat."""
    xml = (
        f"<xml><FromUserName>o1</FromUserName><MsgType>{what}</MsgType><MediaId>m{n}</MediaId><MsgId>{n}</MsgId></xml>"
    )
    sealed = sealed_for_wechat(xml.encode(), {"wecom": "corp1", "wechat": "wx1"}[kind])
    at = str(int(timezone.now().timestamp()))
    query = {"timestamp": at, "nonce": "n", "msg_signature": hooks.wechat_sign("QDG6eK", at, "n", sealed)}
    body = f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    said = Client().post(f"/hooks/in/{kind}/{kind}", body, content_type="text/xml", query_params=query)
    assert said.status_code == 200
    work()


@pytest.mark.parametrize("kind", ["wecom", "wechat"])
def test_a_picture_hangs_on_its_message(cast: Cast, side: OtherSide, kind: str) -> None:
    connect(cast, kind, side)
    assert through_wechat(kind, 9).status_code == 200
    work()
    picture(kind)
    message = Message.objects.get()
    assert "图片" in message.body or "picture" in message.body
    ticket = Ticket.objects.get()
    client = cast.client(cast.lin)
    page = client.get(f"/tickets/{ticket.number}/").content.decode()
    assert "jy-saidmarks" in page
    side.answers["/cgi-bin/media/get"] = (200, JPEG)
    fetch()
    row = Attachment.objects.get()
    assert (row.subject_kind, row.subject_id, row.media_type) == ("message", message.pk, "image/jpeg")
    assert files.path_of(row).read_bytes() == JPEG
    fetch(timedelta(hours=1))
    assert Attachment.objects.count() == 1 and Enclosure.objects.get().state == "fetched"
    assert [path for path, _h, _b in side.asked if "media/get" in path] == [
        "/cgi-bin/media/get?access_token=a1&media_id=m1"
    ]
    assert row.name in client.get(f"/tickets/{ticket.number}/").content.decode()


def test_the_first_message_is_the_tickets_own_text(cast: Cast, side: OtherSide) -> None:
    connect(cast, "wecom", side)
    picture("wecom")
    side.answers["/cgi-bin/media/get"] = (200, JPEG)
    fetch()
    row = Attachment.objects.get()
    assert (row.subject_kind, row.subject_id) == ("ticket", Ticket.objects.get().pk)


def test_a_failure_shows_with_a_reason_and_is_fetched_again(cast: Cast, side: OtherSide) -> None:
    connect(cast, "wecom", side)
    picture("wecom", what="voice")
    ticket = Ticket.objects.get()
    side.answers["/cgi-bin/media/get"] = (200, {"errcode": 40007, "errmsg": "invalid media_id"})
    fetch()
    row = Enclosure.objects.get()
    assert row.state == "waiting" or "40007" in row.last_error
    for n in range(1, enclosures.MAX_ATTEMPTS + 1):
        fetch(timedelta(hours=n))
    row.refresh_from_db()
    assert row.state == "failed"
    here, again = f"/tickets/{ticket.number}/", f"/tickets/{ticket.number}/fetch-files"
    assert again in cast.client(cast.lin).get(here).content.decode()
    assert again not in cast.client(cast.chen).get(here).content.decode()
    assert cast.client(cast.zhao).post(again).status_code == 404
    assert cast.client(cast.lin).post(again).status_code == 302
    side.answers["/cgi-bin/media/get"] = (200, b"#!AMR\n" + b"voice" * 9)
    fetch()
    assert Attachment.objects.get().media_type == "audio/amr"
    told = cast.api(cast.lin).get(f"/api/v1/tickets/{ticket.number}/files-in").json()["items"]
    assert [(one["kind"], one["state"]) for one in told] == [("voice", "fetched")]
    assert cast.api(cast.lin).post(f"/api/v1/tickets/{ticket.number}/files-in/again").status_code == 409


def test_what_is_too_large_or_something_else_is_refused(
    cast: Cast, side: OtherSide, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(cast, "wecom", side)
    side.answers["/cgi-bin/media/get"] = (200, b"MZ this is a program")
    picture("wecom")
    fetch()
    assert Enclosure.objects.get().state == "failed" and not Attachment.objects.exists()
    monkeypatch.setattr("jiying.channels.services.handing_over.LIMIT", 50)
    side.answers["/cgi-bin/media/get"] = (200, JPEG)
    picture("wecom", 2)
    fetch()
    row = Enclosure.objects.order_by("-pk")[0]
    assert row.state == "failed" and "20 MB" in row.last_error and not Attachment.objects.exists()


def test_feishu_and_dingtalk(cast: Cast, side: OtherSide) -> None:
    connect(cast, "dingtalk", side, app_key="ding1", files_api=side.url)
    told: dict[str, Any] = {
        "msgtype": "file",
        "content": {"downloadCode": "c1", "fileName": "../../清单.xlsx"},
        "robotCode": "r1",
    }
    assert through_dingtalk(side, **told).status_code == 200
    side.answers["/v1.0/robot/messageFiles/download"] = (200, {"downloadUrl": f"{side.url}/files/1"})
    side.answers["/files/1"] = (200, b"PK\x03\x04 sheet")
    work()
    fetch()
    assert Attachment.objects.get().name == "清单.xlsx"
    assert side.of("/v1.0/robot/messageFiles/download") == [{"downloadCode": "c1", "robotCode": "r1"}]
    message = {"message_id": "om1", "chat_id": "oc1", "chat_type": "p2p", "message_type": "image"}
    message["content"] = json.dumps({"image_key": "img_1"})
    event = {"sender": {"sender_id": {"open_id": "ou1"}}, "message": message}
    header = {"event_type": "im.message.receive_v1"}
    said = read("feishu", json.dumps({"header": header, "event": event}).encode())
    assert said is not None and [(one.key, one.kind) for one in said.files] == [("img_1", "image")]
    connect(cast, "feishu", side)
    through_feishu(side)
    work()
    ticket = Ticket.objects.order_by("-pk")[0]
    enclosures.expect(Connection.objects.get(code="feishu").pk, said, ticket, None, timezone.now())
    side.answers["/open-apis/im/v1/messages/om1/resources/img_1"] = (200, JPEG)
    fetch()
    assert Attachment.objects.filter(subject_kind="ticket", subject_id=ticket.pk).count() == 1


def test_a_lost_lease_or_an_erased_customer_hangs_nothing(cast: Cast, side: OtherSide) -> None:
    connect(cast, "wecom", side)
    picture("wecom")
    row = due.lease(Enclosure, Enclosure.objects.get().pk, timezone.now())
    assert isinstance(row, Enclosure)
    side.answers["/cgi-bin/media/get"] = (200, JPEG)
    fetch(timedelta(seconds=enclosures.LEASE_S + 1))  # taken for dead, another one did it
    enclosures._fetch(row, timezone.now())
    assert Attachment.objects.count() == 1
    picture("wecom", 2)
    slow = due.lease(Enclosure, Enclosure.objects.order_by("-pk")[0].pk, timezone.now())
    assert isinstance(slow, Enclosure)
    privacy._erase_tickets([Ticket.objects.get().pk], True, timezone.now())
    assert not Enclosure.objects.exists()
    n = Attachment.objects.count()
    enclosures._fetch(slow, timezone.now())
    assert Attachment.objects.count() == n and HookCall.objects.exists()
