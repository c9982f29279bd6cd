"""A fact may ring for any number of people. SQLite never held a text to its length, and remaking the table there would
lose the journal's triggers: nothing to do."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def widen(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute("ALTER TABLE base_journalentry ALTER COLUMN rings TYPE text")


class Migration(migrations.Migration):
    dependencies = [("base", "0002_journal_triggers")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(widen, migrations.RunPython.noop)],
            state_operations=[
                migrations.AlterField(model_name="journalentry", name="rings", field=models.TextField(blank=True))
            ],
        )
    ]
