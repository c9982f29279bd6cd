"""Words for the codes of the insight floor."""

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

# Settings: what figures are held against, in percent; 0 for nothing.
TARGETS: Mapping[str, tuple[int, Promise]] = {
    "report.target_response": (95, _("Target of first responses in time, in percent (0: none)")),
    "report.target_resolution": (90, _("Target of resolutions in time, in percent (0: none)")),
    "report.target_first_contact": (75, _("Target of first-contact resolution, in percent (0: none)")),
    "report.target_csat": (90, _("Target of CSAT, in percent (0: none)")),
}

TERMS: Mapping[str, Mapping[str, str | Promise]] = {
    "kind": {"replay": _("replay of standards"), "report": _("report"), "card": _("card")},
    "wall": {
        "open": _("Open now"),
        "unassigned": _("In the queue"),
        "waiting": _("On hold"),
        "due15": _("Due in 15 min"),
        "due30": _("Due in 30 min"),
        "due60": _("Due in 60 min"),
        "late": _("Overdue"),
    },
    "kpi": {
        "tickets_received": _("Tickets received"),
        "tickets_solved": _("Tickets solved"),
        "solve_rate": _("Solve rate"),
        "backlog": _("Backlog"),
        "backlog_age": _("Age of the backlog"),
        "attainment.accept": _("Accepted in time"),
        "attainment.first_response": _("First response in time"),
        "attainment.next_response": _("Next response in time"),
        "attainment.resolution": _("First resolution in time"),
        "attainment.resolution_total": _("Total resolution in time"),
        "tickets_late": _("Overdue tickets"),
        "calls_in_3min": _("Calls answered within 3 min"),
        "calls_missed": _("Missed calls"),
        "talk_time": _("Talk time"),
        "first_response_time": _("First response time"),
        "wait_since_receipt": _("Customer's wait"),
        "resolution_time": _("Resolution time"),
        "handling_time": _("Handling time"),
        "first_contact_resolution": _("First-contact resolution"),
        "first_contact_resolution.no_word": _("First-contact resolution (no further word)"),
        "second_contact_resolution": _("Second-contact resolution"),
        "reopen_rate": _("Reopen rate"),
        "transfer_rate": _("Transfer rate"),
        "repeat_contact_rate": _("Repeat-contact rate"),
        "escalation_rate": _("Escalation rate"),
        "complaints_in_24h": _("Complaints resolved within 24 h"),
        "repeat_complaint_rate": _("Repeat-complaint rate"),
        "offer_conversion": _("Offer conversion"),
        "csat": _("CSAT"),
        "csat_mean": _("CSAT (mean)"),
        "bad_rating_rate": _("Bad-rating rate"),
        "nps": _("NPS"),
        "ces_mean": _("CES (mean)"),
        "auto_triaged_share": _("Priority given by rule"),
        "corrected_priorities": _("Corrected priorities"),
        "incomplete_share": _("Incomplete tickets"),
    },
    "kpi_formula": {
        "tickets_received": _("tickets received in the period"),
        "tickets_solved": _("tickets solved in the period and not reopened since"),
        "solve_rate": _("solved by now ÷ received in the period"),
        "backlog": _("tickets received before the end of the period and not solved at its end"),
        "backlog_age": _("end of the period − receipt, of the backlog: mean, median, 90th percentile"),
        "attainment.accept": _("kept ÷ (kept + broken) promises to accept, decided in the period"),
        "attainment.first_response": _("kept ÷ (kept + broken) promises of a first response, decided in the period"),
        "attainment.next_response": _("kept ÷ (kept + broken) promises of a next response, decided in the period"),
        "attainment.resolution": _("kept ÷ (kept + broken) promises of a first resolution, decided in the period"),
        "attainment.resolution_total": _("kept ÷ (kept + broken) promises of a resolution, decided in the period"),
        "tickets_late": _("tickets whose first response or first resolution became overdue in the period"),
        "calls_in_3min": _("calls in answered within 3 min ÷ all calls in that began in the period"),
        "calls_missed": _("calls in that nobody answered ÷ all calls in that began in the period"),
        "talk_time": _(
            "from answering to hanging up, of calls that ended in the period: mean, median, 90th percentile"
        ),
        "first_response_time": _(
            "working time from receipt to the first response by a person, without pauses: mean, median, 90th percentile"
        ),
        "wait_since_receipt": _(
            "first response by a person − receipt, by the wall clock: mean, median, 90th percentile"
        ),
        "resolution_time": _(
            "working time from receipt to the first resolution, without pauses: mean, median, 90th percentile"
        ),
        "handling_time": _(
            "solved − accepted (assigned, where nobody accepted), by the wall clock: mean, median, 90th percentile"
        ),
        "first_contact_resolution": _(
            "solved without reopening, transfer or repeat contact, off phone and chat with at most one reply ÷ solved"
        ),
        "first_contact_resolution.no_word": _(
            "solved without reopening or any further message of the customer ÷ solved"
        ),
        "second_contact_resolution": _(
            "solved with exactly two replies, without reopening or repeat contact ÷ solved off phone and chat"
        ),
        "reopen_rate": _("reopened ÷ ever solved, of tickets received in the period"),
        "transfer_rate": _("given on to another agent ÷ ever assigned, of tickets received in the period"),
        "repeat_contact_rate": _("second contacts within 24 h with the same problem ÷ received in the period"),
        "escalation_rate": _("escalated ÷ received in the period"),
        "complaints_in_24h": _("complaints solved within 24 h ÷ complaints whose 24 h ended or that were solved"),
        "repeat_complaint_rate": _("complaints with the same problem again within 24 h ÷ complaints received"),
        "offer_conversion": _(
            "tickets with an accepted offer ÷ tickets with an offer not taken back, of those received in the period"
        ),
        "csat": _("ratings of 4 and 5 ÷ ratings, of tickets solved in the period"),
        "csat_mean": _("sum of ratings from 1 to 5 ÷ ratings, of tickets solved in the period"),
        "bad_rating_rate": _("ratings of 1 to 3 ÷ ratings, of tickets solved in the period"),
        "nps": _("100 × (promoters − detractors) ÷ answers, of tickets solved in the period"),
        "ces_mean": _("sum of answers from 1 to 7 ÷ answers, of tickets solved in the period"),
        "auto_triaged_share": _("priority given by rule ÷ given by rule or by hand, of tickets received in the period"),
        "corrected_priorities": _("tickets whose priority a person changed ÷ received in the period"),
        "incomplete_share": _("tickets whose form lacks an answer ÷ received in the period"),
    },
    "report_kind": {"day": _("Day"), "week": _("Week"), "month": _("Month"), "range": _("From – to")},
    "report_filter": {
        "channel": _("Channel"),
        "priority": _("Priority"),
        "team": _("Team"),
        "category": _("Category"),
        "agent": _("Agent"),
        "type": _("Type"),
        "tier": _("Customer tier"),
        "region": _("Region"),
        "tag": _("Tag"),
        "cause": _("Breach cause"),
        "root_cause": _("Cause of the problem"),
        "solution": _("Solution"),
        "step": _("Process step at fault"),
        "hour": _("Hour of receipt"),
        "weekday": _("Weekday of receipt"),
    },
    "card_kind": {
        "trend": _("Trend with control limits"),
        "slices": _("KPI by a slice"),
        "heat": _("Heat map by category"),
        "topics": _("Hot topics"),
        "correlation": _("Two KPIs beside each other"),
    },
    "card_period": {
        "7d": _("Last 7 days"),
        "14d": _("Last 14 days"),
        "28d": _("Last 28 days"),
        "56d": _("Last 8 weeks"),
        "91d": _("Last 13 weeks"),
        "182d": _("Last 26 weeks"),
        "364d": _("Last 52 weeks"),
        "week": _("This week"),
        "last_week": _("Last week"),
        "month": _("This month"),
        "last_month": _("Last month"),
    },
    "card_step": {"day": _("by day"), "week": _("by week")},
    "card_across": {
        "hour": _("Hour of receipt"),
        "weekday": _("Weekday of receipt"),
        "channel": _("Channel"),
        "region": _("Region"),
    },
    "card_method": {
        "spearman": _("Spearman (ranks; holds against outliers)"),
        "pearson": _("Pearson (straight lines)"),
    },
    "card_size": {"half": _("half width"), "full": _("full width")},
    "report_made": {"day": _("Daily report"), "week": _("Weekly report"), "month": _("Monthly report")},
    "alert": {
        "report.made": _("The report has been made"),
        "report.sent": _("sent to you by %(by)s"),
        "report.noted": _("sent to you by %(by)s: %(note)s"),
        "replay.sent": _("sent to you by %(by)s"),
        "replay.noted": _("sent to you by %(by)s: %(note)s"),
    },
    "told_as": {"subscriber": _("Subscriber"), "reader": _("Reader")},
    "report_any": {
        "channel": _("All channels"),
        "priority": _("All priorities"),
        "team": _("All teams"),
        "category": _("All categories"),
    },
    "report_verdict": {"met": _("Met"), "late": _("Not met"), "open": _("Undecided")},
    "kpi_variant": {
        "": "",
        "by_now": _("as of now"),
        "working": _("working time"),
        "wall": _("wall clock"),
        "one_contact": _("one contact"),
        "no_word": _("no further message"),
        "two_replies": _("two replies"),
        "ever_solved": _("of all ever solved"),
        "within_24h": _("within 24 h"),
        "all_calls": _("of all calls"),
        "top_two": _("4 and 5"),
        "three_or_less": _("1 to 3"),
        "mean": _("mean"),
    },
    "kpi_group": {
        "volume": _("Volume"),
        "in_time": _("In time"),
        "speed": _("Times"),
        "solving": _("Solving"),
        "satisfaction": _("Satisfaction"),
        "intake": _("Intake"),
    },
    "kpi_unit": {"percent": "%", "seconds": _("time"), "tickets": _("tickets"), "points": _("points")},
    "kpi_direction": {"higher": _("higher is better"), "lower": _("lower is better"), "neutral": _("neither")},
    "kpi_excluded": {"merged": _("merged duplicates"), "spam": _("no real requests"), "probe": _("probes")},
}

DASHBOARD_FAULTS: Mapping[str, str | Promise] = {
    "too_many_cards": _("A dashboard holds at most %(limit)s cards. Take one away first."),
}

FAULTS: Mapping[str, str | Promise] = {
    "not_a_reader": _("This person does not exist or may not see these figures. Choose somebody of the list."),
    "replay_not_done": _("The replay is not done yet. Send it when its figures are there."),
    "no_pdf": _("%(why)s"),
    "pdf_busy": _("Others are being printed just now. Try again in some seconds."),
    "replay_period": _("Choose a period of at least a day and at most five years, its end after its beginning."),
    "replay_date": _("%(value)s is not a date. Choose one such as 2026-09-30."),
}
