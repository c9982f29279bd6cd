"""The tables of the desk, one module a noun."""

from jiying.desk.models.agents import AgentLoad, RouteCall
from jiying.desk.models.customers import ContactKey, Customer
from jiying.desk.models.lines import HandUp, TeamLine
from jiying.desk.models.search import SearchName, SearchText
from jiying.desk.models.tickets import Category, Collaboration, Message, Ticket, TicketTimer
from jiying.desk.models.writing import CannedText, Draft, Mention, Watcher

__all__ = [
    "AgentLoad",
    "CannedText",
    "Category",
    "ContactKey",
    "Collaboration",
    "Customer",
    "Draft",
    "HandUp",
    "Mention",
    "Message",
    "RouteCall",
    "SearchName",
    "SearchText",
    "TeamLine",
    "Ticket",
    "TicketTimer",
    "Watcher",
]
