"""The quality floor as a Django app: what it registers with the floors below."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class QualityConfig(AppConfig):
    name = "jiying.quality"
    label = "quality"

    def ready(self) -> None:
        from jiying.base import context, due, seeds, subjects, tails, texts
        from jiying.channels.queries import chat_ends, portal
        from jiying.channels.services import chatting
        from jiying.channels.services.mail import sending
        from jiying.desk.queries import panels, story
        from jiying.desk.services import handing_out
        from jiying.desk.services import privacy as desk_privacy
        from jiying.desk.services.sample import centre
        from jiying.quality import texts as words
        from jiying.quality.models import Survey
        from jiying.quality.policies import CALLBACKS, READING
        from jiying.quality.queries import copying, surveys
        from jiying.quality.services import answering, asking, callbacks, designs, privacy, sample

        copying.register()
        texts.register_terms(words.TERMS)
        texts.register_faults(words.FAULTS)
        seeds.SEEDS.append(designs.seed)
        tails.register(asking.READER)
        sending.BY_MAIL.append(asking.by_mail)
        due.register(due.Sweep("surveys", Survey, asking.serve, batch=1))
        subjects.register(callbacks.SUBJECT)
        desk_privacy.BESIDE_TICKETS.append(privacy.erase)
        handing_out.BESIDE["surveys"] = privacy.export
        chat_ends.ASKERS.append(chat_ends.AtEnd(surveys.in_chat, answering.answer_in_chat))
        chatting.KINDS["ticket.survey_asked"] = "state"  # the visitor's window asks as soon as it may
        portal.register(portal.Part("survey", "quality/invitation.html", surveys.invitation))
        panels.register(
            panels.Panel("survey", 16, "quality/panel.html", lambda it: surveys.of_ticket(it.actor, it.ticket, it.now))
        )
        centre.MORE.append(sample.EXTENSION)
        context.NAVIGATION += [
            ("surveys", _("Surveys"), "star", "quality:results", READING),
            ("callbacks", _("Call-backs"), "phone-outgoing", "quality:callbacks", CALLBACKS),
        ]
        story.register("ticket.survey_asked", "star", _("The customer was asked how we did"))
        story.register("ticket.survey_answered", "star", _("The customer has rated us"))
        story.register("ticket.survey_changed", "star", _("The customer has changed their rating"))
        story.register("ticket.survey_expired", "star", _("The survey ended without an answer"))
        story.register("ticket.survey_withdrawn", "star", _("The survey was withdrawn, since the ticket goes on"))
        story.register("ticket.callback_opened", "phone-outgoing", _("Bad rating: a call-back was opened"), "red")
        story.register("ticket.callback_reached", "phone-outgoing", _("Call-back: the customer was reached"))
        story.register("ticket.callback_closed", "phone-outgoing", _("Call-back closed with its cause"))
