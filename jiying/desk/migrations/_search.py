"""The search's index, which each database keeps of its texts by itself."""

# The index holds which words are in a row and nothing else (detail=none): found rows are ranked by us.
SQLITE = (
    """CREATE VIRTUAL TABLE desk_searchindex USING fts5(
       words, content='desk_searchtext', content_rowid='ticket_id', tokenize='unicode61 remove_diacritics 0',
       detail=none, columnsize=0)""",
    """CREATE TRIGGER search_insert AFTER INSERT ON desk_searchtext
       BEGIN INSERT INTO desk_searchindex (rowid, words) VALUES (NEW.ticket_id, NEW.words); END""",
    """CREATE TRIGGER search_delete AFTER DELETE ON desk_searchtext
       BEGIN INSERT INTO desk_searchindex (desk_searchindex, rowid, words)
       VALUES ('delete', OLD.ticket_id, OLD.words); END""",
    """CREATE TRIGGER search_update AFTER UPDATE ON desk_searchtext
       WHEN OLD.words <> NEW.words OR OLD.ticket_id <> NEW.ticket_id
       BEGIN
         INSERT INTO desk_searchindex (desk_searchindex, rowid, words) VALUES ('delete', OLD.ticket_id, OLD.words);
         INSERT INTO desk_searchindex (rowid, words) VALUES (NEW.ticket_id, NEW.words);
       END""",
)
SQLITE_DROP = (
    "DROP TRIGGER search_insert",
    "DROP TRIGGER search_delete",
    "DROP TRIGGER search_update",
    "DROP TABLE desk_searchindex",
)
# What is not sorted in yet is read by every search: a short list, which the worker sorts in while nobody waits.
POSTGRES = (
    """ALTER TABLE desk_searchtext ADD COLUMN vector tsvector
       GENERATED ALWAYS AS (array_to_tsvector(string_to_array(words, ' '))) STORED""",
    "CREATE INDEX desk_searchtext_vector ON desk_searchtext USING gin (vector) WITH (gin_pending_list_limit = 256)",
)
POSTGRES_DROP = ("DROP INDEX desk_searchtext_vector", "ALTER TABLE desk_searchtext DROP COLUMN vector")


def create(apps, schema_editor):
    for statement in POSTGRES if schema_editor.connection.vendor == "postgresql" else SQLITE:
        schema_editor.execute(statement)


def drop(apps, schema_editor):
    for statement in POSTGRES_DROP if schema_editor.connection.vendor == "postgresql" else SQLITE_DROP:
        schema_editor.execute(statement)
