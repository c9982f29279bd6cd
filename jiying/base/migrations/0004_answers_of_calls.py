"""An idempotency key keeps the answer to its call, whatever that was: not tickets only."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("base", "0003_rings_of_any_length"),
    ]

    operations = [
        migrations.AddField(
            model_name="idempotencykey",
            name="answer",
            field=models.TextField(blank=True),
        ),
        migrations.AddField(
            model_name="idempotencykey",
            name="location",
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name="idempotencykey",
            name="status",
            field=models.PositiveSmallIntegerField(default=201),
        ),
        migrations.AlterField(
            model_name="idempotencykey",
            name="subject_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name="idempotencykey",
            name="subject_kind",
            field=models.CharField(blank=True, max_length=20),
        ),
    ]
