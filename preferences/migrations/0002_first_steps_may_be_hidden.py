from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("preferences", "0001_operation_and_theme_preferences")]

    operations = [
        migrations.AddField(
            model_name="themepreference",
            name="is_checklist_hidden",
            field=models.BooleanField(default=False, verbose_name="first steps hidden"),
        ),
    ]
