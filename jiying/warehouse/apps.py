"""The warehouse floor as a Django app: what it registers with the floor below."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WarehouseConfig(AppConfig):
    name = "jiying.warehouse"
    label = "warehouse"

    def ready(self) -> None:
        from jiying.base import checks, readiness, telemetry, texts, worker
        from jiying.warehouse import events, following, reader, spreading, tables

        texts.register_faults({"no_copy": _("%(why)s")})
        tables.register(events.TABLE)
        if reader.is_installed():
            worker.MORE.append(following.Follower)
            telemetry.MORE.append(following.gauges)
        readiness.WARNINGS.append(following.warnings)
        checks.CHECKS.append(spreading.faults)
