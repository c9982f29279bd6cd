"""Makes the journal append-only on both databases, and queues each new entry for its position in its own transaction.

An erasure may leave a part of a fact's data: codes and times that clocks are made of. Nothing else of a fact changes.
"""

_SAME = ("id", "subject_kind", "subject_id", "kind", "at", "recorded_at", "actor_kind", "actor_id", "digest")
_SAME_ON_SQLITE = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in _SAME)
_SAME_ON_POSTGRES = " AND ".join(f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in _SAME)

SQLITE = (
    """CREATE TRIGGER journal_queue AFTER INSERT ON base_journalentry
       BEGIN INSERT INTO base_journalpending (entry_id) VALUES (NEW.id); END""",
    # Nothing stands in what is left that did not stand there, at the same place, before.
    f"""CREATE TRIGGER journal_no_update BEFORE UPDATE ON base_journalentry
        WHEN NOT (NEW.salt = '' AND {_SAME_ON_SQLITE} AND NOT EXISTS (
          SELECT 1 FROM json_tree(NEW.data) AS kept WHERE NOT EXISTS (
            SELECT 1 FROM json_tree(OLD.data) AS had
            WHERE had.fullkey = kept.fullkey AND had.type = kept.type AND had.atom IS kept.atom)))
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
    f"""CREATE FUNCTION jiying_journal_guard() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'UPDATE' AND NEW.salt = '' AND OLD.data @> NEW.data AND {_SAME_ON_POSTGRES}
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


def create(apps, schema_editor):
    for statement in POSTGRES if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement)


def drop(apps, schema_editor):
    for statement in POSTGRES_DROP if schema_editor.connection.vendor == "postgresql" else SQLITE_DROP:
        schema_editor.execute(statement)
