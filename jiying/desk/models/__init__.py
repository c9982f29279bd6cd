"""The tables of the desk, one module a noun."""

from jiying.desk.models.agents import AgentLoad, RouteCall
from jiying.desk.models.automations import AutomationRun, AutomationTime
from jiying.desk.models.codes import Closing, Code
from jiying.desk.models.customers import ContactKey, Customer
from jiying.desk.models.flows import FlowRun, FlowStep
from jiying.desk.models.lines import HandUp, TeamLine
from jiying.desk.models.links import RepeatContact, TicketLink
from jiying.desk.models.offers import CustomerOffer, OfferKind
from jiying.desk.models.outside import OutsideEvent, OutsideKind
from jiying.desk.models.search import SearchName, SearchText
from jiying.desk.models.tickets import Category, Collaboration, Message, Ticket, TicketTimer
from jiying.desk.models.views import ListColumns, SavedView
from jiying.desk.models.writing import CannedText, Draft, Mention, Watcher

__all__ = [
    "AgentLoad",
    "AutomationRun",
    "AutomationTime",
    "CannedText",
    "Category",
    "Closing",
    "Code",
    "Collaboration",
    "ContactKey",
    "Customer",
    "CustomerOffer",
    "Draft",
    "FlowRun",
    "FlowStep",
    "HandUp",
    "Mention",
    "ListColumns",
    "Message",
    "OfferKind",
    "OutsideEvent",
    "OutsideKind",
    "RepeatContact",
    "RouteCall",
    "SavedView",
    "SearchName",
    "SearchText",
    "TeamLine",
    "Ticket",
    "TicketLink",
    "TicketTimer",
    "Watcher",
]
