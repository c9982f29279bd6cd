"""The process feature as a Django app: what it registers with the floors below."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProcessConfig(AppConfig):
    name = "jiying.process"
    label = "process"

    def ready(self) -> None:
        from jiying.base import context, jobs, texts
        from jiying.desk.policies import WATCHING
        from jiying.process.services import maps
        from jiying.process.texts import TERMS

        texts.register_terms(TERMS)
        jobs.register_work(maps.KIND, maps.work)
        context.NAVIGATION.append(("process", _("Process map"), "sitemap", "process:map", WATCHING))
