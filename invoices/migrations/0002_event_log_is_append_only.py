"""PostgreSQL itself refuses to change or delete a line of the event log.

Row triggers only: TRUNCATE, which needs the table's owner, is how test databases are emptied.
"""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

CREATE = """
CREATE FUNCTION refuse_event_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The event log is append-only: its lines cannot be changed or deleted.';
END $$;
CREATE TRIGGER event_log_is_append_only BEFORE UPDATE OR DELETE ON invoices_event
    FOR EACH ROW EXECUTE FUNCTION refuse_event_change();
"""
DROP = """
DROP TRIGGER event_log_is_append_only ON invoices_event;
DROP FUNCTION refuse_event_change();
"""


def create(apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(CREATE)


def drop(apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(DROP)


class Migration(migrations.Migration):
    dependencies = [("invoices", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
