from django.db import migrations

from audit import append_only


def install(apps, schema_editor):
    append_only.install(schema_editor.connection)


def remove(apps, schema_editor):
    append_only.remove(schema_editor.connection)


class Migration(migrations.Migration):
    """Let the database itself refuse to change or delete what was recorded."""

    dependencies = [("audit", "0001_audit_log")]

    operations = [migrations.RunPython(install, remove)]
