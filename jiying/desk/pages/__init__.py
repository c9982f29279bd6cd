"""The pages of the desk: agents' work, lists, tickets and their verbs, intake, supervision, customers, files."""

from django.urls import include, path

from jiying.desk.pages import (
    asking,
    attachments,
    customers,
    intake,
    lines,
    lists,
    setup,
    supervise,
    ticket,
    verbs,
    who_is_told,
    work,
)

app_name = "desk"
urlpatterns = [
    path("", work.home, name="home"),
    path("work/", work.show, name="work"),
    path("presence/", work.presence, name="presence"),
    path("tickets/", lists.show, name="tickets"),
    path("tickets/new/", intake.new, name="new"),
    path("tickets/<str:number>/", ticket.show, name="ticket"),
    path("tickets/<str:number>/live", ticket.live, name="live"),
    path("tickets/<str:number>/reveal", ticket.reveal, name="reveal"),
    path("tickets/<str:number>/do/<slug:verb>", verbs.do, name="do"),
    path("asked/<int:pk>/answer", asking.answer, name="answer"),
    path("asked/<int:pk>/withdraw", asking.withdraw, name="withdraw"),
    path("lines/", lines.show, name="lines"),
    path("lines/<int:pk>/take", lines.take, name="take_in"),
    path("lines/<int:pk>/back", lines.back, name="hand_back"),
    path("lines/<int:pk>/withdraw", lines.withdraw, name="line_withdraw"),
    path("clocks/<int:pk>/cause", asking.cause, name="cause"),
    path("setup/", include(setup.urls())),
    path("supervise/", supervise.show, name="supervise"),
    path("supervise/who-is-told", who_is_told.show, name="who_is_told"),
    path("customers/find", intake.find_customer, name="find_customer"),
    path("customers/choose/<int:pk>", intake.choose_customer, name="choose_customer"),
    path("customers/<int:pk>/", customers.show, name="customer"),
    path("customers/<int:pk>/reveal", customers.reveal, name="reveal_customer"),
    path("files/<int:pk>/", attachments.show, name="file"),
]
