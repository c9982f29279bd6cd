"""What agents write with: drafts, canned texts, mentions, who is at a ticket; and what is refused changes nothing."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from jiying.alerts.models import Alert
from jiying.base import push
from jiying.base.actor import SYSTEM
from jiying.base.errors import Conflict, Denied, Invalid, NotFound
from jiying.base.models import Attachment, JournalEntry, Whisper
from jiying.desk.models import CannedText, Draft, Mention, Message, Ticket, Watcher
from jiying.desk.services import canned, drafts, talking, watching
from jiying.desk.services.canned import Text
from jiying.desk.services.drafts import Place
from jiying.desk.services.talking import Written
from tests.cast import Cast


def _png(name: str = "截图.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, b"\x89PNG\r\n\x1a\n", content_type="image/png")


# --- Markdown --------------------------------------------------------------------------------------------------------


def test_a_reply_keeps_its_source_beside_the_clean_html(cast: Cast) -> None:
    ticket, lin = cast.accepted(), cast.actor(cast.lin)
    rich = talking.reply(actor=lin, number=ticket.number, body=Written("**好** <i>x</i>", "markdown"), now=cast.now)
    assert Ticket.objects.get().last_message == "好 <i>x</i>"
    plain = talking.reply(actor=lin, number=ticket.number, body="**好**", now=cast.now)
    assert Ticket.objects.get().last_message == "**好**"  # of the plain one, which came last
    assert (rich.body, rich.html) == ("**好** <i>x</i>", "<p><strong>好</strong> &lt;i&gt;x&lt;/i&gt;</p>")
    assert (plain.body, plain.html) == ("**好**", "")


def test_an_unknown_markup_is_refused(cast: Cast) -> None:
    ticket = cast.accepted()
    with pytest.raises(Invalid):
        talking.reply(actor=cast.actor(cast.lin), number=ticket.number, body=Written("x", "bbcode"), now=cast.now)
    assert not Message.objects.exists()


# --- a reply begun before others said something ----------------------------------------------------------------------


def test_a_stale_reply_is_refused_until_its_writer_has_looked(cast: Cast) -> None:
    ticket, lin, wang = cast.accepted(), cast.actor(cast.lin), cast.actor(cast.wang)
    first = talking.reply(actor=lin, number=ticket.number, body="在查", now=cast.now)
    talking.note(actor=wang, number=ticket.number, body="备注不算", now=cast.now)
    talking.reply(actor=lin, number=ticket.number, body=Written("自己的不算", last_seen=first.pk), now=cast.now)
    talking.customer_message(actor=lin, number=ticket.number, body="好了吗", now=cast.now)
    other = talking.reply(actor=wang, number=ticket.number, body="我来答", now=cast.now)
    with pytest.raises(Conflict) as refused:
        talking.reply(actor=lin, number=ticket.number, body=Written("旧的", last_seen=first.pk), now=cast.now)
    assert refused.value.faults[0].params == {"n": 2}
    assert not Message.objects.filter(body="旧的").exists()
    talking.reply(actor=lin, number=ticket.number, body=Written("新的", last_seen=other.pk), now=cast.now)


# --- mentions --------------------------------------------------------------------------------------------------------


def test_a_mention_tells_whoever_sees_the_ticket_and_says_who_does_not(cast: Cast) -> None:
    ticket, lin = cast.accepted(), cast.actor(cast.lin)
    message = talking.note(actor=lin, number=ticket.number, body="@王芳 请看，@赵一凡也请看 a@b.cn", now=cast.now)
    told = {m.person_id: m.told for m in Mention.objects.filter(message=message)}
    assert told == {cast.wang.pk: True, cast.zhao.pk: False}
    alert = Alert.objects.get(kind="ticket.mention")
    assert (alert.person_id, alert.data["who"]) == (cast.wang.pk, "林晓")
    fact = JournalEntry.objects.get(kind="ticket.mentioned")
    assert fact.data == {"message": message.pk, "people": [cast.wang.pk], "unseen": [cast.zhao.pk]}
    assert f"person:{cast.wang.pk}" in fact.rings.split()
    assert f"person:{cast.zhao.pk}" not in fact.rings.split()


def test_of_two_with_one_name_the_chosen_one_is_told(cast: Cast) -> None:
    from jiying.base.models import Person

    twin = Person.objects.create_person("wang2", name="王芳", team=cast.team1)
    twin.roles.set(cast.wang.roles.all())
    ticket, lin = cast.accepted(), cast.actor(cast.lin)
    talking.note(actor=lin, number=ticket.number, body="@王芳 谁？", now=cast.now)
    assert not Mention.objects.exists()
    talking.note(
        actor=lin, number=ticket.number, body=Written("@王芳 你", mentions=(twin.pk, cast.sup.pk)), now=cast.now
    )
    assert [m.person_id for m in Mention.objects.all()] == [twin.pk]  # the supervisor's name no longer stands there


def test_nobody_is_told_of_their_own_note_or_by_a_public_reply(cast: Cast) -> None:
    ticket, lin = cast.accepted(), cast.actor(cast.lin)
    talking.note(actor=lin, number=ticket.number, body="@林晓 记得", now=cast.now)
    talking.reply(actor=lin, number=ticket.number, body="@王芳 您好", now=cast.now)
    assert not Mention.objects.exists()


# --- drafts ----------------------------------------------------------------------------------------------------------


def test_a_draft_waits_with_its_files_and_goes_with_its_message(cast: Cast) -> None:
    ticket, lin = cast.accepted(), cast.actor(cast.lin)
    place = Place(ticket.number, "reply")
    drafts.save(actor=lin, place=place, body="写到一半", last_seen=7, now=cast.now)
    [kept] = drafts.attach(actor=lin, place=place, uploads=[_png()], now=cast.now)
    drafts.save(actor=lin, place=place, body="写到一大半", last_seen=9, now=cast.now)
    draft = Draft.objects.get()
    assert (draft.body, draft.last_seen, kept.subject_id) == ("写到一大半", 7, draft.pk)
    message = talking.reply(actor=lin, number=ticket.number, body="写完了", now=cast.now)
    drafts.spend(lin, message, "reply")
    kept.refresh_from_db()
    assert (kept.subject_kind, kept.subject_id) == ("message", message.pk)
    assert not Draft.objects.exists()


def test_drafts_and_their_files_are_ones_own(cast: Cast) -> None:
    ticket = cast.accepted()
    place = Place(ticket.number, "note")
    [kept] = drafts.attach(actor=cast.actor(cast.lin), place=place, uploads=[_png()], now=cast.now)
    with pytest.raises(NotFound):
        drafts.detach(actor=cast.actor(cast.wang), attachment_id=kept.pk, now=cast.now)
    with pytest.raises(NotFound):
        drafts.save(actor=cast.actor(cast.zhao), place=place, body="x", now=cast.now)
    assert drafts.discard(actor=cast.actor(cast.wang), place=place, now=cast.now) is False
    for person, status in ((cast.lin, 200), (cast.wang, 404), (cast.admin, 404)):
        assert cast.client(person).get(f"/files/{kept.pk}/").status_code == status
    assert Attachment.objects.count() == 1


def test_an_emptied_draft_is_none_and_old_ones_go(cast: Cast) -> None:
    ticket, lin = cast.accepted(), cast.actor(cast.lin)
    place = Place(ticket.number, "reply")
    drafts.save(actor=lin, place=place, body="x", now=cast.now)
    assert drafts.save(actor=lin, place=place, body="  ", now=cast.now) is None
    drafts.attach(actor=lin, place=place, uploads=[_png()], now=cast.now)
    drafts.drop_old(cast.now + timedelta(days=29))
    assert Draft.objects.count() == 1
    drafts.drop_old(cast.now + timedelta(days=31))
    assert not Draft.objects.exists()
    assert not Attachment.objects.exists()


def test_too_many_files_are_refused_whole(cast: Cast) -> None:
    ticket, lin = cast.accepted(), cast.actor(cast.lin)
    place = Place(ticket.number, "reply")
    drafts.attach(actor=lin, place=place, uploads=[_png() for _n in range(9)], now=cast.now)
    with pytest.raises(Invalid):
        drafts.attach(actor=lin, place=place, uploads=[_png(), _png()], now=cast.now)
    with pytest.raises(Invalid):
        drafts.attach(actor=lin, place=place, uploads=[_png("x.exe")], now=cast.now)
    assert Attachment.objects.count() == 9


# --- canned texts ----------------------------------------------------------------------------------------------------


def test_whose_canned_texts_one_may_use_and_change(cast: Cast) -> None:
    lin, wang, zhao, sup = (cast.actor(p) for p in (cast.lin, cast.wang, cast.zhao, cast.sup))
    own = canned.add(actor=lin, text=Text("我的", "您好"), now=cast.now)
    team = canned.add(actor=wang, text=Text("一组的", "您好", reach="team"), now=cast.now)
    every = canned.add(actor=sup, text=Text("大家的", "您好", reach="all"), now=cast.now)
    for actor, reach in ((lin, "team"), (lin, "all"), (wang, "all")):
        with pytest.raises(Denied):
            canned.add(actor=actor, text=Text("越权", "x", reach=reach), now=cast.now)
    for actor, row, error in (
        (lin, team, Denied),
        (zhao, team, NotFound),
        (wang, own, NotFound),
        (sup, own, NotFound),
        (wang, every, Denied),
    ):
        with pytest.raises(error):
            canned.change(actor=actor, pk=row.pk, text=Text("改", "改", reach=canned.reach_of(row)), now=cast.now)
        with pytest.raises(error):
            canned.remove(actor=actor, pk=row.pk, now=cast.now)
    with pytest.raises(Denied):  # one's own cannot be pushed on everybody
        canned.change(actor=lin, pk=own.pk, text=Text("我的", "您好", reach="all"), now=cast.now)
    assert set(CannedText.objects.values_list("title", flat=True)) == {"我的", "一组的", "大家的"}
    canned.used(actor=lin, pk=team.pk, now=cast.now)
    with pytest.raises(NotFound):
        canned.used(actor=zhao, pk=team.pk, now=cast.now)
    assert CannedText.objects.get(pk=team.pk).n_used == 1


def test_a_wrong_canned_text_is_refused_with_all_its_faults(cast: Cast) -> None:
    with pytest.raises(Invalid) as refused:
        canned.add(actor=cast.actor(cast.lin), text=Text(" ", "", "a b", "planet"), now=cast.now)
    assert {fault.field for fault in refused.value.faults} == {"title", "body", "shortcut", "reach"}


def test_a_stale_form_of_a_canned_text_is_refused(cast: Cast) -> None:
    lin = cast.actor(cast.lin)
    row = canned.add(actor=lin, text=Text("甲", "甲"), now=cast.now)
    canned.change(actor=lin, pk=row.pk, text=Text("乙", "乙"), revision=0, now=cast.now)
    with pytest.raises(Conflict):
        canned.change(actor=lin, pk=row.pk, text=Text("丙", "丙"), revision=0, now=cast.now)
    assert CannedText.objects.get().title == "乙"


# --- who is at a ticket ----------------------------------------------------------------------------------------------


def test_only_news_are_whispered_and_nothing_is_journalled(cast: Cast) -> None:
    ticket, lin = cast.accepted(), cast.actor(cast.lin)
    n_facts = JournalEntry.objects.count()
    for seconds, writes, n in ((0, False, 1), (20, False, 1), (25, True, 2), (45, True, 2), (200, True, 3)):
        at = cast.now + timedelta(seconds=seconds)
        watching.watch(actor=lin, number=ticket.number, writes=writes, now=at)
        assert Whisper.objects.count() == n
    watching.leave(actor=lin, number=ticket.number, now=cast.now)
    watching.leave(actor=lin, number=ticket.number, now=cast.now)
    assert Whisper.objects.count() == 4
    assert not Watcher.objects.exists()
    assert JournalEntry.objects.count() == n_facts


def test_whoever_may_not_see_a_ticket_may_not_watch_it(cast: Cast) -> None:
    ticket = cast.accepted()
    with pytest.raises(NotFound):
        watching.watch(actor=cast.actor(cast.zhao), number=ticket.number, writes=False, now=cast.now)
    with pytest.raises(Denied):
        watching.watch(actor=SYSTEM, number=ticket.number, writes=False, now=cast.now)
    assert not Watcher.objects.exists()


def test_a_whisper_reaches_who_listens_and_moves_no_position(cast: Cast) -> None:
    ticket: Ticket = cast.accepted()
    watching.watch(actor=cast.actor(cast.lin), number=ticket.number, writes=False, now=cast.now)
    last, [bell] = push.whispers_after(0)
    topic = f"ticket:{ticket.pk}"
    hub, client = push.Hub(), push.Client(1, {topic: frozenset([topic])})
    hub.add(client)
    hub.position = 5
    hub.whisper([bell])
    assert (hub.position, client.take()) == (5, (False, [bell]))
    assert (bell.kind, bell.subject, bell.position) == ("whisper.watching", topic, 0)
    assert push.whispers_after(last) == (last, [])
    push.drop_old_whispers(cast.now + timedelta(hours=1))
    assert Whisper.objects.count() == 1  # the last one keeps the place


# --- over the API ----------------------------------------------------------------------------------------------------


def test_canned_texts_drafts_and_mentions_over_the_api(cast: Cast) -> None:
    ticket, api = cast.accepted(), cast.api(cast.lin)
    text = {"title": "问候", "body": "您好{客户}", "shortcut": "hi"}
    made = api.post("/api/v1/canned-texts", text, content_type="application/json")
    assert made.status_code == 201
    path = f"/api/v1/canned-texts/{made.json()['id']}"
    assert [row["title"] for row in api.get("/api/v1/canned-texts?q=hi").json()] == ["问候"]
    refused = api.post("/api/v1/canned-texts", text | {"reach": "all"}, content_type="application/json")
    assert refused.status_code == 403
    changed = api.put(path, text | {"title": "寒暄", "revision": 0}, content_type="application/json")
    assert (changed.status_code, changed.json()["title"]) == (200, "寒暄")
    assert cast.api(cast.zhao).delete(path).status_code == 404
    assert api.delete(path).status_code == 204
    assert not CannedText.objects.exists()

    place = f"/api/v1/tickets/{ticket.number}/drafts"
    assert api.put(f"{place}/note", {"body": "写到一半"}, content_type="application/json").status_code == 200
    assert [row["body"] for row in api.get(place).json()] == ["写到一半"]
    assert cast.api(cast.wang).get(place).json() == []
    assert cast.api(cast.zhao).get(place).status_code == 404
    assert api.delete(f"{place}/note").status_code == 204
    assert not Draft.objects.exists()

    body = {"body": "**看** @王芳", "markup": "markdown", "mentions": [cast.wang.pk]}
    assert api.post(f"/api/v1/tickets/{ticket.number}/note", body, content_type="application/json").status_code == 200
    assert Message.objects.get().html.startswith("<p><strong>看</strong>")
    assert Alert.objects.get(kind="ticket.mention").person_id == cast.wang.pk
    stale = {"body": "旧的", "last_seen": 0}
    api.post(f"/api/v1/tickets/{ticket.number}/customer-message", {"body": "在吗"}, content_type="application/json")
    answer = api.post(f"/api/v1/tickets/{ticket.number}/reply", stale, content_type="application/json")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "new_messages")
