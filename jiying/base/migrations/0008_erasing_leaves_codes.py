"""The journal stays append-only; an erasure may leave a part of a fact's data: codes and times that clocks are made of."""

from django.db import migrations

_SAME = ("id", "subject_kind", "subject_id", "kind", "at", "recorded_at", "actor_kind", "actor_id", "digest")
_SQLITE = """CREATE TRIGGER journal_no_update BEFORE UPDATE ON base_journalentry
WHEN NOT (NEW.salt = '' AND {part} AND {same})
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END"""
# Nothing stands in what is left that did not stand there, at the same place, before.
_SQLITE_PART = """NOT EXISTS (
  SELECT 1 FROM json_tree(NEW.data) AS kept WHERE NOT EXISTS (
    SELECT 1 FROM json_tree(OLD.data) AS had
    WHERE had.fullkey = kept.fullkey AND had.type = kept.type AND had.atom IS kept.atom))"""
_POSTGRES = """CREATE OR REPLACE FUNCTION jiying_journal_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND NEW.salt = '' AND {part} AND {same} THEN RETURN NEW; END IF;
  RAISE EXCEPTION 'the journal is append-only';
END $$"""


def _guard(schema_editor, *, sqlite_part, postgres_part):
    if schema_editor.connection.vendor == "postgresql":
        same = " AND ".join(f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in _SAME)
        schema_editor.execute(_POSTGRES.format(part=postgres_part, same=same))
        return
    same = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in _SAME)
    schema_editor.execute("DROP TRIGGER journal_no_update")
    schema_editor.execute(_SQLITE.format(part=sqlite_part, same=same))


def leave_parts(apps, schema_editor):
    _guard(schema_editor, sqlite_part=_SQLITE_PART, postgres_part="OLD.data @> NEW.data")


def leave_nothing(apps, schema_editor):
    _guard(schema_editor, sqlite_part="NEW.data = '{}'", postgres_part="NEW.data = '{}'::jsonb")


class Migration(migrations.Migration):
    dependencies = [("base", "0007_second_factor_shift_audit")]
    operations = [migrations.RunPython(leave_parts, leave_nothing)]
