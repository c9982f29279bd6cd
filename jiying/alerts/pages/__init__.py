"""The pages of alerts: one's own, the team's, pop-ups and bell as fragments, and messages that did not get out."""

from django.urls import path, re_path

from jiying.alerts.pages import deliveries, mine, on_call, plan

app_name = "alerts"
urlpatterns = [
    path("", mine.show, name="mine"),
    path("popups", mine.popups, name="popups"),
    path("count", mine.count, name="count"),
    path("seen", mine.seen, name="seen"),
    path("acknowledge", mine.acknowledge, name="acknowledge"),
    path("acknowledge-all", mine.acknowledge_all, name="acknowledge_all"),
    path("team/", mine.team, name="team"),
    path("plan/", plan.show, name="plan"),
    path("plan/rules/new", plan.rule, name="new_rule"),
    path("plan/rules/<slug:key>/", plan.rule, name="rule"),
    re_path(r"^plan/rules/(?P<key>[-\w]+)/(?P<verb>up|down|remove)$", plan.change, name="change_rule"),
    path("plan/times", plan.times, name="plan_times"),
    path("on-call/", on_call.show, name="on_call"),
    path("on-call/<int:on_call_id>/remove", on_call.remove, name="remove_on_call"),
    path("mine/", on_call.wishes, name="wishes"),
    path("deliveries/", deliveries.show, name="deliveries"),
    path("deliveries/<int:delivery_id>/send-again", deliveries.send_again, name="send_again"),
]
