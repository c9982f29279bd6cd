"""The tables of the channels, one module a noun."""

from jiying.channels.models.chat import CHANNEL, Chat, Knock, Transcript
from jiying.channels.models.crm import CrmLink, CrmPlace, CrmSend
from jiying.channels.models.hooks import HookCall
from jiying.channels.models.hooks_out import HookDelivery
from jiying.channels.models.mail import Mail, Mailbox, MailSeen
from jiying.channels.models.outbox import Outbox
from jiying.channels.models.phone import CallBack, Extension, PhoneCall
from jiying.channels.models.portal import PortalLink
from jiying.channels.models.social import Contact, Conversation, Enclosure, Pull

__all__ = [
    "CHANNEL",
    "CallBack",
    "Chat",
    "Contact",
    "Conversation",
    "CrmLink",
    "CrmPlace",
    "CrmSend",
    "Enclosure",
    "Extension",
    "HookCall",
    "HookDelivery",
    "Knock",
    "Mail",
    "MailSeen",
    "Mailbox",
    "Outbox",
    "PhoneCall",
    "PortalLink",
    "Pull",
    "Transcript",
]
