"""What administrators fill in for each way out, and the test that sends a real message."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from jiying.alerts.services import throttling, ways
from jiying.alerts.services.posting import NotSent
from jiying.alerts.services.ways import hooks, others, robots
from jiying.base.connections import Failed, Field, Kind, Open
from jiying.base.errors import Fault
from jiying.base.models import Team
from jiying.base.texts import term
from jiying.core.robots import Item

GROUP = "alerts"
ROBOT_KINDS = ("dingtalk_robot", "feishu_robot", "wecom_robot", "alert_hook", "apprise")
SMS = "sms"


def _teams() -> list[tuple[str, str]]:
    return [(team.code, team.name) for team in Team.objects.order_by("name")]


TEAM = Field(
    "team",
    _l("For the team"),
    "choice",
    choices=_teams,
    hint=_l("Without one: for the whole house, all teams together."),
)
TITLE = Field(
    "with_title", _l("With the subject line"), "tick", default=False,
    hint=_l("Off: number, alert and link only, so that nothing that a customer wrote leaves the house."),
)  # fmt: skip
PER_MINUTE = Field("per_minute", _l("At most so many a minute"), "number", default=60, low=1, high=6000)
URL = Field(
    "url", _l("Address of the web hook"), required=True, hint=_l("As the robot's settings show it, token included.")
)
SECRET = Field("secret", _l("Signing secret"), hint=_l("Where the robot's security is set to signatures."))


def test(open: Open) -> str:
    """A real message, within the robot's limit."""
    way = ways.WAYS[open.kind]
    now = timezone.now()
    with translation.override(settings.LANGUAGE_CODE):
        item = Item(label=settings.BASE_URL, text=_("The connection “%(name)s” works.") % {"name": open.name})
        message = ways.Message(
            hashlib.sha256(f"{open.code}{now}".encode()).hexdigest()[:32], _("Jiying: a test"), (item,),
            int(now.timestamp() * 1000), str(open.options.get("test_phone", "")),
        )  # fmt: skip
    if open.kind == SMS and not message.phone:
        raise Failed(_("Fill in a number for tests first."))
    free = throttling.take(way, open, now)
    if isinstance(free, throttling.Wait):
        raise Failed(
            _("The limit of messages is reached. Try again at %(time)s.") % {"time": f"{free.until:%H:%M:%S} UTC"}
        )
    try:
        way.send(open, message)
    except NotSent as error:
        throttling.rest(way, open, error, now)
        raise Failed(term("sending_error", str(error))) from error
    finally:
        throttling.put_right(free, timezone.now())
    return _("A test message was taken.")


def check_sms(options: Mapping[str, Any]) -> list[Fault]:
    """The template must have a place for the number and the text, and be JSON where it says so."""
    template = str(options["url"]) if options["method"] == "GET" else f"{options['url']}{options['body']}"
    faults = [
        Fault("body", "sms_place", {"place": "{" + name + "}"})
        for name in ("phone", "text")
        if f"{{{name}}}" not in template
    ]
    if options["method"] != "GET" and options["form"] == "json" and not faults:
        try:
            json.loads(hooks.sms_body("json", str(options["body"]), {"phone": "1", "text": "t", "key": "k"}))
        except ValueError:
            faults.append(Fault("body", "sms_json"))
    return faults


def _robot(code: str, label: Any, hint: Any, *secrets: Field) -> Kind:
    return Kind(code, label, GROUP, (TEAM, TITLE), secrets, hint, test=test)


SMS_FIELDS = (
    Field("url", _l("Address of the gateway"), "url", required=True, hint=_l("May hold {phone}, {text} and {key}.")),
    Field("method", _l("Method"), "choice", default="POST", required=True, choices=(("POST", "POST"), ("GET", "GET"))),
    Field("form", _l("Form of the body"), "choice", default="json", required=True,
          choices=(("json", "JSON"), ("form", _l("Form fields")))),
    Field("body", _l("Body"), "prose", default='{"mobile": "{phone}", "content": "{text}", "id": "{key}"}',
          hint=_l("With the places {phone}, {text} and {key}; what is filled in is escaped.")),
    Field("success", _l("The answer holds"), default="",
          hint=_l("For gateways that answer 200 to everything, for example \"code\":0. Empty: the status decides.")),
    PER_MINUTE,
    Field("test_phone", _l("Number for tests")),
)  # fmt: skip

KINDS = (
    _robot("dingtalk_robot", _l("DingTalk robot"), _l("A custom robot of a DingTalk group."), URL, SECRET),
    _robot("feishu_robot", _l("Feishu robot"), _l("A custom robot of a Feishu group."), URL, SECRET),
    _robot("wecom_robot", _l("WeCom robot"), _l("A message robot of a WeCom group."), URL),
    Kind(SMS, _l("Text messages"), GROUP, SMS_FIELDS,
         (Field("headers", _l("Headers"), "headers", hint=_l("One to a line, as Name: value. Stored sealed.")),),
         _l("An operator's HTTP gateway; messages go to the mobile numbers of people."), check=check_sms, test=test),
    Kind("alert_hook", _l("Web hook for alerts"), GROUP,
         (Field("url", _l("Address"), "url", required=True), TEAM, TITLE, PER_MINUTE), (SECRET,),
         _l("Signed JSON to a system of your own."), test=test),
    _robot("apprise", _l("Others, by an apprise address"), _l("Slack, Telegram, ntfy, Bark and many more."),
           Field("url", _l("Address"), required=True, hint=_l("For example ntfys://ntfy.example.com/topic"))),
)  # fmt: skip


def register_ways() -> None:
    ways.register(*robots.ROBOTS, *hooks.HOOKS, *others.OTHERS)
