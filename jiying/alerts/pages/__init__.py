"""The pages of alerts: one's own, the team's, pop-ups and bell as fragments, and messages that did not get out."""

from django.urls import path

from jiying.alerts.pages import deliveries, mine

app_name = "alerts"
urlpatterns = [
    path("", mine.show, name="mine"),
    path("popups", mine.popups, name="popups"),
    path("count", mine.count, name="count"),
    path("seen", mine.seen, name="seen"),
    path("acknowledge", mine.acknowledge, name="acknowledge"),
    path("acknowledge-all", mine.acknowledge_all, name="acknowledge_all"),
    path("team/", mine.team, name="team"),
    path("deliveries/", deliveries.show, name="deliveries"),
    path("deliveries/<int:delivery_id>/send-again", deliveries.send_again, name="send_again"),
]
