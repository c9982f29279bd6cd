"""Makes the journal append-only on both databases, and queues each new entry for its position in its own transaction."""

from django.db import migrations

SQLITE = (
    """CREATE TRIGGER journal_queue AFTER INSERT ON base_journalentry
       BEGIN INSERT INTO base_journalpending (entry_id) VALUES (NEW.id); END""",
    """CREATE TRIGGER journal_no_update BEFORE UPDATE ON base_journalentry
       WHEN NOT (NEW.data = '{}' AND NEW.salt = '' AND NEW.id IS OLD.id AND NEW.subject_kind IS OLD.subject_kind
                 AND NEW.subject_id IS OLD.subject_id AND NEW.kind IS OLD.kind AND NEW.at IS OLD.at
                 AND NEW.recorded_at IS OLD.recorded_at AND NEW.actor_kind IS OLD.actor_kind
                 AND NEW.actor_id IS OLD.actor_id AND NEW.digest IS OLD.digest)
       BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END""",
    """CREATE TRIGGER journal_no_delete BEFORE DELETE ON base_journalentry
       BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END""",
)
SQLITE_DROP = tuple(f"DROP TRIGGER {name}" for name in ("journal_queue", "journal_no_update", "journal_no_delete"))

POSTGRES = (
    """CREATE FUNCTION jiying_journal_queue() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         INSERT INTO base_journalpending (entry_id) SELECT id FROM fresh;
         PERFORM pg_notify('jiying_journal', '');
         RETURN NULL;
       END $$""",
    """CREATE TRIGGER journal_queue AFTER INSERT ON base_journalentry
       REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION jiying_journal_queue()""",
    """CREATE FUNCTION jiying_journal_guard() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN
         IF TG_OP = 'UPDATE' AND NEW.data = '{}'::jsonb AND NEW.salt = ''
            AND (NEW.id, NEW.subject_kind, NEW.subject_id, NEW.kind, NEW.at, NEW.recorded_at, NEW.actor_kind, NEW.digest)
              = (OLD.id, OLD.subject_kind, OLD.subject_id, OLD.kind, OLD.at, OLD.recorded_at, OLD.actor_kind, OLD.digest)
            AND NEW.actor_id IS NOT DISTINCT FROM OLD.actor_id
         THEN RETURN NEW; END IF;
         RAISE EXCEPTION 'the journal is append-only';
       END $$""",
    """CREATE TRIGGER journal_guard BEFORE UPDATE OR DELETE ON base_journalentry
       FOR EACH ROW EXECUTE FUNCTION jiying_journal_guard()""",
)
POSTGRES_DROP = (
    "DROP TRIGGER journal_queue ON base_journalentry",
    "DROP TRIGGER journal_guard ON base_journalentry",
    "DROP FUNCTION jiying_journal_queue()",
    "DROP FUNCTION jiying_journal_guard()",
)


def _run(schema_editor, sqlite, postgres):
    for statement in postgres if schema_editor.connection.vendor == "postgresql" else sqlite:
        schema_editor.execute(statement)


def create(apps, schema_editor):
    _run(schema_editor, SQLITE, POSTGRES)


def drop(apps, schema_editor):
    _run(schema_editor, SQLITE_DROP, POSTGRES_DROP)


class Migration(migrations.Migration):
    dependencies = [("base", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
