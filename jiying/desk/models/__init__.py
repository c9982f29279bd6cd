"""The tables of the desk, one module a noun."""

from jiying.desk.models.agents import AgentLoad, RouteCall
from jiying.desk.models.customers import Customer
from jiying.desk.models.lines import HandUp, TeamLine
from jiying.desk.models.tickets import Category, Collaboration, Message, Ticket, TicketTimer

__all__ = [
    "AgentLoad",
    "Category",
    "Collaboration",
    "Customer",
    "HandUp",
    "Message",
    "RouteCall",
    "TeamLine",
    "Ticket",
    "TicketTimer",
]
