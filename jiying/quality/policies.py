"""Who sees what customers said, who edits surveys, and who follows a bad rating to its end."""

from django.db.models import Q

from jiying.base.actor import Actor
from jiying.desk.models import Ticket
from jiying.desk.policies import visible

EDIT, RESULTS, CALLBACKS = "quality.edit_surveys", "quality.view_results", "quality.call_back"
REPORT = "quality.report_scores"
READING = (RESULTS, EDIT)


def reach(actor: Actor, ticket: str = "ticket") -> Q:
    """Surveys (or what hangs on them, `ticket` being the way there) of tickets that the actor may see."""
    if "desk.view_all" in actor.rights:
        return Q()
    return Q((f"{ticket}__in", Ticket.objects.filter(visible(actor)).values("pk")))
