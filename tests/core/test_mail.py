"""Reading mail: worked examples of real mailers' habits, every file of the real data, and no exception for anything."""

import base64
from collections.abc import Callable
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jiying.core import mail
from jiying.core.mail import charsets, folding, html
from jiying.core.mail.names import kept_name, left_out
from jiying.core.mail.types import Parsed, Unreadable


def _read(raw: bytes | str) -> Parsed:
    found = mail.parse(raw.encode() if isinstance(raw, str) else raw)
    assert isinstance(found, Parsed), found
    return found


def _simple(body: bytes, **headers: str) -> bytes:
    told = {"From": "a@example.com", "To": "kf@example.com", "Subject": "x", **headers}
    return "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in told.items()).encode() + b"\r\n" + body


# --- charsets --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "claimed", ["", "us-ascii", "iso-8859-1", "utf-8", "utf-7", "gb2312", "no-such", "unicode_escape"]
)
def test_chinese_is_read_whatever_its_mailer_claims(claimed: str) -> None:
    assert charsets.decode("您的订单已经退款，请查收".encode("gb18030"), claimed) == "您的订单已经退款，请查收"


def test_other_encodings_are_told_apart() -> None:
    assert charsets.decode("您的訂單已經退款，請查收".encode("big5"), "") == "您的訂單已經退款，請查收"
    assert charsets.decode("您的訂單已經退款，請查收".encode("big5"), "big5") == "您的訂單已經退款，請查收"
    assert charsets.decode("naïve café".encode("latin-1"), "us-ascii") == "naïve café"
    assert charsets.decode("注文の件についてのお願い".encode("cp932"), "") == "注文の件についてのお願い"
    assert charsets.decode("𠮷野家，㐀".encode("gb18030"), "gb2312") == "𠮷野家，㐀"  # beyond what it claims
    assert charsets.decode("你好".encode("utf-7"), "utf-7") == "你好"


def test_headers_cut_within_a_character_and_bare_bytes() -> None:
    data = "关于发票的问题".encode("gbk")
    cut = [base64.b64encode(part).decode() for part in (data[:5], data[5:])]
    assert charsets.header(f"=?gb2312?B?{cut[0]}?=\r\n =?gb2312?B?{cut[1]}?=") == "关于发票的问题"
    assert charsets.header("Re: =?utf-8?Q?=E4=BD=A0=E5=A5=BD?= (=?x-none?B?VEVTVA=?=)") == "Re: 你好 (TEST)"
    assert _read("Subject: 裸的标题\r\nFrom: a@b.cn\r\n\r\nx".encode("gb18030")).subject == "裸的标题"


def test_a_header_is_one_line_without_characters_that_turn_it_round() -> None:
    assert charsets.header("a\r\nBcc: x\x00\u202eb =?utf-8?B?DQpCY2M6IHg=?=") == "a Bcc: xb Bcc: x"


# --- folding ---------------------------------------------------------------------------------------------------------

QUOTES = [
    '------------------ 原始邮件 ------------------\n发件人: "客服" <kf@x.com>;\n收件人: a\n主题: 退款\n\n旧内容',
    "-----原始邮件-----\n发件人: kf@x.com\n旧内容",
    "---- 回复的原邮件 ----\n| 发件人 | 客服 |\n旧内容",
    '在 2024-01-01 10:00:00，"客服" <kf@163.com> 写道：\n\n>旧内容',
    'At 2024-01-01 10:00:00, "kf" <kf@163.com> wrote:\n>旧内容',
    "On Mon, Jan 1, 2024 at 10:00 AM Service <\nkf@x.com> wrote:\n\n> 旧内容",
    "发件人: kf@x.com\n发送时间: 2024年1月1日\n收件人: b\n主题: x\n\n旧内容",
    "From: kf@x.com [mailto:kf@x.com]\nSent: Monday\nTo: b\nSubject: x\n\n旧内容",
    "________________________________\nFrom: kf@x.com\nSent: Monday\nTo: b\nSubject: x\n\n旧内容",
    "-----Original Message-----\nFrom: kf\n旧内容",
    "> 旧内容",
]


@pytest.mark.parametrize("quote", QUOTES)
def test_quotes_of_common_mailers_are_folded(quote: str) -> None:
    folded = folding.fold(f"好的，谢谢。\n\n{quote}")
    assert folded.said == "好的，谢谢。" and "旧内容" in folded.quoted


@pytest.mark.parametrize(
    "mark",
    ["-- ", "发自我的iPhone", "发自我的小米手机", "Sent from my iPhone", "来自我的华为手机", "获取 Outlook for iOS"],
)
def test_signatures_are_set_apart(mark: str) -> None:
    folded = folding.fold(f"请处理\n\n{mark}\n\n> 旧的")
    assert (folded.said, folded.signature, folded.quoted) == ("请处理", mark.strip(), "> 旧的")


def test_answers_between_quoted_lines_and_forwarded_mail_stay_whole() -> None:
    between = "> 问题一？\n\n第一个问题的回答。\n\n> 问题二？\n\n第二个问题的回答。"
    assert folding.fold(between).said == between
    forwarded = "---------- Forwarded message ---------\nFrom: a <a@b.c>\nDate: x\nSubject: y\n\n转给你们看"
    assert folding.fold(forwarded).said == forwarded
    assert folding.fold("> 旧的\n\n新的在下面。") == folding.Folded("新的在下面。", "> 旧的")
    assert folding.fold("我写道：请退款。\n谢谢").said == "我写道：请退款。\n谢谢"


def test_html_is_cut_where_the_quote_begins() -> None:
    gmail = html.split('<div>好的</div><div class="gmail_quote">On x wrote:<blockquote>旧</blockquote></div>')
    assert (gmail.said_text, gmail.quoted_text) == ("好的", "On x wrote:\n旧")
    qq = html.split("<div>好的</div><div>------------------&nbsp;原始邮件&nbsp;------------------</div><div>旧</div>")
    assert qq.said_text == "好的" and "旧" in qq.quoted_text
    outlook = (
        '<p>好的</p><div style="border:none;border-top:solid #E1E1E1 1.0pt"><p><b>发件人:</b> x</p></div><p>旧</p>'
    )
    assert html.split(outlook).said == "<p>好的</p>"
    only = html.split("<blockquote>转给你们</blockquote>")
    assert only.said_text == "转给你们" and only.quoted == ""


def test_html_cannot_run_fetch_or_imitate() -> None:
    nasty = """<style>@import 'x'</style><p onclick=x style="position:fixed">hi<img src="cid:a@b" onerror=x>
      <img src="http://t/x.gif"><img src="data:image/svg+xml,x"></p><svg onload=alert(1)><script>1</script></svg>
      <a href="javascript:alert(1)">k</a><form action=/x><input></form><iframe src=x></iframe><math><mi>y</math>
      <meta http-equiv=refresh content="0;url=x"><base href=x><link rel=stylesheet href=x>"""
    cleaned = html.split(nasty).said
    for word in (
        "script",
        "onclick",
        "onerror",
        "onload",
        "style",
        "http://t",
        "data:",
        "<svg",
        "<form",
        "<iframe",
        "<meta",
        "<link",
    ):
        assert word not in cleaned, word
    assert 'src="cid:a@b"' in cleaned
    assert html.with_pictures(cleaned, {"a@b": "/files/1?inline"}).count("<img") == 1
    assert "<img" not in html.with_pictures(cleaned, {})


# --- parts and files -------------------------------------------------------------------------------------------------


def test_a_whole_mail_with_pictures_and_files() -> None:
    made = EmailMessage()
    made["From"], made["To"], made["Cc"] = "张三 <Zhang@Example.com>", "客服 <kf@example.com>", "b@example.com"
    made["Subject"], made["Message-ID"] = "关于发票", "<1@example.com>"
    made["In-Reply-To"], made["References"] = "<0@desk>", "<a@desk> <0@desk>"
    made["Date"] = "Wed, 09 Sep 2026 10:00:00 +0800"
    made.set_content("请看附件")
    made.add_alternative('<p>请看附件<img src="cid:p1"></p>', subtype="html")
    made.get_payload()[1].add_related(b"\x89PNG", "image", "png", cid="<p1>", filename="图.png")  # type: ignore[union-attr,index]
    made.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="发票.pdf")
    made.add_attachment(b"MZ", maintype="application", subtype="octet-stream", filename="发票.pdf.exe")
    read = _read(made.as_bytes())
    assert read.sender is not None and (read.sender.name, read.sender.key) == ("张三", "zhang@example.com")
    assert read.references == ("<a@desk>", "<0@desk>") and read.message_id == "<1@example.com>"
    assert read.sent_at == 1788919200 and read.said == "请看附件"
    assert [(f.name, f.cid, f.left) for f in read.files] == [
        ("图.png", "p1", ""),
        ("发票.pdf", "", ""),
        ("发票.pdf.exe", "", "runs"),
    ]
    assert 'src="cid:p1"' in read.html


def test_names_of_files_lead_nowhere() -> None:
    assert kept_name("../../etc/passwd") == "passwd"
    assert kept_name("C:\\x\\a\r\nb.txt") == "ab.txt"
    assert kept_name("gpj.exe\u202e.txt") == "gpj.exe.txt"
    assert kept_name("...") == "file" and kept_name(".htaccess") == "htaccess"
    assert len(kept_name("长" * 300 + ".pdf")) <= 100 and kept_name("长" * 300 + ".pdf").endswith(".pdf")
    assert left_out("a.HTML") and left_out("x.svg") and left_out("x.js") and not left_out("x.zip")


def test_the_same_mail_has_one_fingerprint() -> None:
    one = _read(_simple(b"hello", Message_ID="<1@x>", Date="Wed, 09 Sep 2026 10:00:00 +0800", Received="by a"))
    again = _read(_simple(b"hello", Message_ID="<2@x>", Date="Wed, 09 Sep 2026 10:00:00 +0800", Received="by b"))
    other = _read(_simple(b"hello!", Message_ID="<1@x>", Date="Wed, 09 Sep 2026 10:00:00 +0800"))
    assert one.fingerprint == again.fingerprint != other.fingerprint
    assert one.identity != again.identity and one.identity != other.identity


# --- what kind of mail -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "auto-replied"},
        {"Auto_Submitted": "auto-generated (vacation)"},
        {"X_Autoreply": "yes"},
        {"Precedence": "auto_reply"},
        {"Subject": "自动回复: 订单"},
        {"Subject": "=?utf-8?B?6Ieq5Yqo5Zue5aSNOiB4?="},
        {"Subject": "Automatic reply: x"},
        {"Subject": "Out of Office: x"},
        {"Return_Path": "<>"},
    ],
)
def test_programs_are_recognised(headers: dict[str, str]) -> None:
    assert _read(_simple(b"hi", **headers)).nature == "auto_reply"


@pytest.mark.parametrize(
    "headers",
    [
        {"Auto_Submitted": "no"},
        {"Subject": "Re: 自动回复: 订单"},
        {"Subject": "自动回复功能坏了"},
        {"Precedence": "list", "List_Id": "<kf.example.com>"},
        {"X_Auto_Response_Suppress": "All"},
        {"Subject": "退信怎么办"},
    ],
)
def test_people_are_not_taken_for_programs(headers: dict[str, str]) -> None:
    assert _read(_simple(b"hi", **headers)).nature == "message"


def test_a_report_tells_which_mail_did_not_arrive() -> None:
    report = """From: MAILER-DAEMON@mx.example.com
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

could not be delivered
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx

Final-Recipient: rfc822; Zhang@example.com
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--b
Content-Type: text/rfc822-headers

Message-ID: <out-1@desk>
Subject: x
--b--
"""
    found = _read(report)
    assert found.nature == "bounce" and found.bounce is not None
    assert (found.bounce.failed, found.bounce.status, found.bounce.message_id) == (True, "5.1.1", "<out-1@desk>")
    assert found.bounce.recipients == ("zhang@example.com",) and found.bounce.reason == "550 5.1.1 no such user"


def test_a_report_in_words_only() -> None:
    body = "您的邮件被退回。\n收件人 li@qq.com\n550 5.2.2 Mailbox full\nMessage-ID: <out-2@desk>\n".encode()
    found = _read(_simple(body, From="PostMaster@qq.com", Subject="=?utf-8?B?57O757uf6YCA5L+h?="))
    assert found.bounce is not None and found.bounce.failed
    assert (found.bounce.message_id, found.bounce.status) == ("<out-2@desk>", "5.2.2")
    delayed = _read(
        _simple(b"still trying", From="MAILER-DAEMON@x.cn", Subject="Warning: could not send message for past 4 hours")
    )
    assert delayed.bounce is not None and not delayed.bounce.failed


# --- limits ----------------------------------------------------------------------------------------------------------


def test_what_is_too_large_deep_or_many_is_not_read() -> None:
    assert mail.parse(b"") == Unreadable("empty")
    assert mail.parse(b"From: a@b.c\r\n\r\n" + b"x" * mail.MAX_BYTES) == Unreadable(
        "too_large", str(mail.MAX_BYTES + 15)
    )
    nested = b"From: a@b.c\r\n"
    for n in range(400):
        nested += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
    assert mail.parse(nested + b"\r\nx") == Unreadable("too_deep", "400")
    deep: MIMEMultipart | MIMEText = MIMEText("x")
    for _n in range(20):
        outer = MIMEMultipart()
        outer.attach(deep)
        deep = outer
    assert mail.parse(deep.as_bytes()) == Unreadable("too_deep")
    many = MIMEMultipart()
    for _n in range(300):
        many.attach(MIMEText("x"))
    assert mail.parse(many.as_bytes()) == Unreadable("too_many_parts")


def test_an_archive_is_a_file_and_never_opened() -> None:
    made = EmailMessage()
    made["From"] = "a@b.cn"
    made.set_content("x")
    bomb = base64.b64decode("UEsDBBQAAAAIAA==") + b"\x00" * 1000
    made.add_attachment(bomb, maintype="application", subtype="zip", filename="42.zip")
    assert [(f.name, f.content) for f in _read(made.as_bytes()).files] == [("42.zip", bomb)]


# fmt: off
_LINES = st.sampled_from(
    [
        b"From: ((((((((a <b@c.d>", b"To: a@b, <c@d>,, ;",
        b"Subject: =?gb2312?B?xOO6?= =?utf-8?Q?=?=", b"Date: 99 99 99", b"Content-Type: multipart/mixed; boundary=b",
        b"Content-Type: message/rfc822", b"Content-Type: text/html; charset=utf-7",
        b"Content-Type: message/delivery-status",
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=b",
        b"Content-Type: text/plain; charset*0*=x''%ff; charset*1=y", b"Content-Transfer-Encoding: base64",
        b"Content-Transfer-Encoding: x-uuencode", b"Content-Disposition: attachment; filename*=gbk''%C4%E3",
        b"begin 644 x", b"Content-Transfer-Encoding: quoted-printable", b"--b", b"--b--", b"", b"", b"> x",
        b"<blockquote><p>x", b"\xff\xfe\x00", b"Message-ID: <<>>", b"References: <a@b", b"Auto-Submitted:",
        b"Final-Recipient: rfc822;", b"Action: failed",
    ]
)
# fmt: on


@settings(max_examples=300)
@given(st.lists(st.one_of(_LINES, st.binary(max_size=40)), max_size=30), st.sampled_from([b"\n", b"\r\n", b"\r"]))
@example([b"Content-Type: " + b"(" * 3000], b"\n")
@example([b"From: " + b"(" * 30_000 + b"a@b.c"], b"\n")
@example([b"Content-Type: text/html", b"", b"<div>" * 20_000], b"\n")
@example([b"Content-Type: text/html", b"", b"<![" * 20_000], b"\n")
def test_no_exception_leaves_the_parser(lines: list[bytes], end: bytes) -> None:
    found = mail.parse(end.join(lines))
    if isinstance(found, Parsed):
        assert found.nature in ("message", "auto_reply", "bounce")
        assert "\x00" not in found.said + found.subject + found.html and "<script" not in found.html
        assert not any("/" in one.name or "\n" in one.name for one in found.files)
    else:
        assert found.reason in ("too_large", "too_deep", "too_many_parts", "empty", "broken")


@settings(max_examples=200)
@given(st.text(max_size=400))
def test_folding_loses_no_word(text: str) -> None:
    folded = folding.fold(text)
    assert sorted((folded.said + folded.quoted + folded.signature).split()) == sorted(text.split())


# --- real mail -------------------------------------------------------------------------------------------------------


def _real() -> Path:
    import os

    root = Path(os.environ.get("JIYING_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
    if not (root / "email").exists():
        pytest.skip(f"real mail is not below {root} (set JIYING_TEST_DATA)")
    return root / "email"


def test_every_real_mail_is_read() -> None:
    files = sorted(_real().rglob("*.eml"))
    assert len(files) >= 104
    read = {path.stem: _read(path.read_bytes()) for path in files}
    bounces = {name for name, one in read.items() if one.nature == "bounce"}
    assert bounces == {
        "multi_address_bounce1", "multi_address_bounce2", "multipart_report_multiple_status",
        "report_422", "report_530", "raw_email_with_mimepart_without_content_type",
    }  # fmt: skip
    assert {name for name in bounces if not (b := read[name].bounce) or not b.failed} == {
        "report_422", "raw_email_with_mimepart_without_content_type",
    }  # fmt: skip
    assert read["japanese"].subject == "まみむめも" and read["japanese_shift_jis"].said.startswith("あいうえお")
    assert read["ks_c_5601-1987"].said == "스티해"
    assert read["bad_encoded_subject"].subject == "TEST"
    assert [f.name for f in read["attachment_nonascii_filename"].files] == ["ciële.txt"]
    assert all(one.bounce is None or one.bounce.message_id for one in read.values())


@pytest.mark.parametrize(
    "name",
    ["android", "aol", "apple_mail", "apple_mail_2", "comcast", "gmail", "hotmail", "outlook", "thunderbird", "yahoo"],
)
def test_replies_of_real_mailers_are_cut(name: str) -> None:
    found = _read((_real() / "talon_replies" / f"{name}.eml").read_bytes())
    assert found.said == "Hello" and found.quoted


@pytest.mark.parametrize("name", ["iphone", "sparrow"])
def test_replies_with_signatures(name: str) -> None:
    folder = _real() / "talon_replies"
    found = _read((folder / f"{name}.eml").read_bytes())
    expected = (folder / f"{name}_reply_text").read_text()
    assert found.said == "Hello" and f"{found.said} {found.signature}".split() == expected.split()


def test_reading_is_the_same_each_time(real_data: Callable[[str], Path]) -> None:
    path = real_data("email/talon_replies/outlook.eml")
    assert mail.parse(path.read_bytes()) == mail.parse(path.read_bytes())


# --- written ---------------------------------------------------------------------------------------------------------


def _letter(**more: object) -> mail.Letter:
    told: dict[str, object] = {
        "message_id": "<gd1.x@example.com>",
        "sender": mail.Address("kf@example.com", "客服"),
        "to": mail.Address("zhang@example.com", "张三"),
        "subject": "回复: Re: 关于发票",
        "number": "GD20260909001",
        "text": "您好，\n\n已开具。",
        "sent_at": 1788919200,
        "signature": "一组 林晓",
        "quoted": "发票呢？",
        "attribution": "张三 写道：",
        "answers": "<2@example.com>",
        "references": ("<1@example.com>", "<2@example.com>"),
    }
    return mail.Letter(**(told | more))  # type: ignore[arg-type]


def test_an_answer_is_threaded_and_comes_back_folded() -> None:
    raw = mail.compose(_letter(files=(mail.File("发票.pdf", "application/pdf", b"%PDF"),), loop="site"))
    read = _read(raw)
    assert read.subject == "Re: 关于发票 [GD20260909001]" and read.message_id == "<gd1.x@example.com>"
    assert read.references == ("<1@example.com>", "<2@example.com>") and read.loop == "site"
    assert (read.said, read.signature) == ("您好，\n\n已开具。", "--\n一组 林晓")
    assert "> 发票呢？" in read.quoted and read.html.startswith("<div><p>您好，</p>") and "发票呢" not in read.html
    assert [(f.name, f.content) for f in read.files] == [("发票.pdf", b"%PDF")]
    assert _read(mail.compose(_letter(automatic=True))).nature == "auto_reply"


@given(st.text(max_size=80), st.text(max_size=40), st.text(max_size=40))
@example("x\r\nBcc: all@example.com", "n\nBcc: b@example.com", "\x00\u2028Bcc: c")
def test_no_header_can_be_smuggled_in(subject: str, name: str, loop: str) -> None:
    raw = mail.compose(_letter(subject=subject, to=mail.Address("zhang@example.com", name), loop=loop))
    head = raw.split(b"\r\n\r\n")[0].lower()
    assert b"\r\nbcc" not in head and head.count(b"\r\nsubject:") == 1
    assert [one.addr for one in _read(raw).to] == ["zhang@example.com"]


@pytest.mark.parametrize("addr", ["", "nobody", "a b@c.d", "a@b\r\nBcc: x@y.z", "a@", "@b"])
def test_what_is_no_address_is_not_written_to(addr: str) -> None:
    with pytest.raises(mail.NotAnAddress):
        mail.compose(_letter(to=mail.Address(addr)))
