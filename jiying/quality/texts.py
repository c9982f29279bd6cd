"""The quality floor's codes as words: surveys, what scores mean, call-backs and their causes, faults."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

TERMS = {
    "kind": {"survey": _("survey"), "survey_design": _("survey"), "callback": _("call-back")},
    "audit": {"export.surveys": _("Survey results exported")},
    "survey_kind": {"rating": _("Rating 1–5"), "nps": _("Recommendation (NPS) 0–10"), "ces": _("Effort (CES) 1–7")},
    "survey_item": {"speed": _("Speed"), "result": _("Result"), "attitude": _("Attitude")},
    "survey_question": {
        "rating": _("How satisfied are you with how we handled your request?"),
        "nps": _("How likely are you to recommend us to others?"),
        "ces": _("How easy was it to get your request solved?"),
    },
    "survey_low": {"rating": _("very dissatisfied"), "nps": _("not at all likely"), "ces": _("very hard")},
    "survey_high": {"rating": _("very satisfied"), "nps": _("very likely"), "ces": _("very easy")},
    "survey_rating": {
        "1": _("very dissatisfied"),
        "2": _("dissatisfied"),
        "3": _("neither"),
        "4": _("satisfied"),
        "5": _("very satisfied"),
    },
    "survey_state": {
        "planned": pgettext_lazy("survey", "Planned"),
        "open": pgettext_lazy("survey", "Asked"),
        "answered": pgettext_lazy("survey", "Answered"),
        "expired": pgettext_lazy("survey", "No answer"),
        "withdrawn": pgettext_lazy("survey", "Withdrawn"),
    },
    "survey_way": {
        "link": _("by the link"),
        "chat": _("in the chat"),
        "phone": _("by phone"),
        "api": _("by another system"),
    },
    "survey_show": {
        "answered": pgettext_lazy("survey", "Answered"),
        "bad": _("Bad ratings"),
        "good": _("Satisfied"),
        "asked": _("All who were asked"),
    },
    "survey_by": {
        "team": _("Team"),
        "agent": _("Agent"),
        "channel": _("Channel"),
        "category": _("Category"),
        "week": _("Week"),
    },
    "callback_state": {
        "open": _("To call back"),
        "reached": _("Reached, cause open"),
        "closed": pgettext_lazy("call-back", "Closed"),
    },
    "callback_cause": {
        "slow": _("Too slow"),
        "not_solved": _("Not solved"),
        "wrong_answer": _("Wrong or unclear answer"),
        "attitude": _("Attitude"),
        "promise_broken": _("Promise not kept"),
        "handed_around": _("Handed around"),
        "product": _("The product itself"),
        "policy": _("Rules or prices"),
        "logistics": _("Delivery"),
        "misclick": _("Rated by mistake"),
        "other": _("Other"),
    },
    "alert": {"callback.open": _("A bad rating: the customer is to be called back")},
}
FAULTS = {
    "survey_over": _("This survey has ended; the answer cannot be given or changed any more."),
    "survey_none": _("Nobody is asked about this ticket."),
    "survey_changed_often": _("This answer was changed too often."),
    "survey_choose": _("Please choose a score."),
    "survey_reminds_nobody": _("Only customers who are sent the link can be reminded."),
    "survey_reminds_late": _("The reminder would come after the end of the survey."),
    "survey_staff": _("You are signed in as a colleague; only the customer can answer."),
    "callback_moved_on": _("This call-back has moved on meanwhile. Load the list again."),
    "callback_tries": _("So many calls cannot be right."),
}
