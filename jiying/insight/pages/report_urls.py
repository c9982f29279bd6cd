"""The addresses of reports."""

from django.urls import path

from jiying.insight.pages import kept, pdf, reports

app_name = "reports"
urlpatterns = [
    path("", reports.show, name="show"),
    path("tracking/", reports.tracking, name="tracking"),
    path("standards/", reports.standards, name="standards"),
    path("tickets/", reports.cases, name="cases"),
    path("report.xlsx", reports.file, name="file"),
    path("report.pdf", pdf.file, name="pdf"),
    path("kept/", kept.listed, name="kept"),
    path("kept/<int:pk>/", kept.one, name="one"),
    path("kept/<int:pk>/report.pdf", pdf.one, name="one_pdf"),
    path("kept/<int:pk>/report.xlsx", kept.book, name="one_file"),
    path("kept/<int:pk>/send", kept.send, name="send"),
    path("kept/subscription", kept.subscribe, name="subscribe"),
]
