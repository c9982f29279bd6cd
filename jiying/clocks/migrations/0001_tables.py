import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    # The steps in which these tables came to be, before the first release.
    replaces = [
        ('clocks', '0001_initial'),
        ('clocks', '0002_clock_origin'),
        ('clocks', '0003_causes_to_judge'),
        ('clocks', '0004_parked_rows'),
        ('clocks', '0005_quarterly_revision'),
        ('clocks', '0006_met_clocks'),
    ]

    initial = True

    dependencies = [
        ('base', '0001_tables'),
    ]

    operations = [
        migrations.CreateModel(
            name='Clock',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('wake_at', models.DateTimeField(blank=True, null=True)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('fence', models.PositiveIntegerField(default=0)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('parked_at', models.DateTimeField(blank=True, null=True)),
                ('last_error', models.TextField(blank=True)),
                ('subject_kind', models.CharField(max_length=20)),
                ('subject_id', models.BigIntegerField()),
                ('metric', models.CharField(max_length=20)),
                ('seq', models.PositiveSmallIntegerField(default=1)),
                ('origin', models.BigIntegerField(null=True)),
                ('state', models.CharField(choices=[('pending', 'Pending'), ('running', 'Running'), ('paused', 'Paused'), ('met', 'Met'), ('breached', 'Breached'), ('cancelled', 'Cancelled')], max_length=10)),
                ('started_at', models.DateTimeField(null=True)),
                ('due_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('breached_at', models.DateTimeField(null=True)),
                ('paused_at', models.DateTimeField(null=True)),
                ('paused_reason', models.CharField(blank=True, max_length=20)),
                ('target_s', models.PositiveIntegerField(default=0)),
                ('calendar', models.CharField(max_length=40)),
                ('calendar_version', models.PositiveIntegerField()),
                ('standard_version', models.PositiveIntegerField()),
                ('row', models.CharField(max_length=80)),
                ('runs', models.JSONField(default=list)),
                ('points', models.JSONField(default=list)),
                ('fired', models.JSONField(default=dict)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('wake_at__isnull', False)), fields=['wake_at', 'id'], name='clock_due'), models.Index(condition=models.Q(('parked_at__isnull', False)), fields=['parked_at'], name='clock_parked'), models.Index(condition=models.Q(('ended_at__isnull', True), ('state__in', ['pending', 'running', 'paused', 'breached'])), fields=['calendar', 'id'], name='clock_open_calendar'), models.Index(condition=models.Q(('breached_at__isnull', False)), fields=['metric', 'breached_at'], name='clock_late'), models.Index(condition=models.Q(('state', 'met')), fields=['ended_at'], name='clock_met')],
                'constraints': [models.UniqueConstraint(fields=('subject_kind', 'subject_id', 'metric', 'seq'), name='clock_once')],
            },
        ),
        migrations.CreateModel(
            name='Revision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quarter', models.CharField(max_length=6, unique=True)),
                ('opened_at', models.DateTimeField()),
                ('evidence', models.JSONField(default=dict)),
                ('outcome', models.CharField(blank=True, choices=[('kept', 'Kept'), ('changed', 'Changed')], max_length=10)),
                ('version', models.PositiveIntegerField(null=True)),
                ('note', models.TextField(blank=True)),
                ('done_at', models.DateTimeField(null=True)),
                ('done_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='BreachCause',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=30)),
                ('note', models.TextField(blank=True)),
                ('state', models.CharField(choices=[('named', 'Named'), ('approved', 'Approved'), ('corrected', 'Corrected'), ('withdrawn', 'Withdrawn')], default='named', max_length=10)),
                ('named_at', models.DateTimeField()),
                ('approved_at', models.DateTimeField(null=True)),
                ('approved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('named_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('clock', models.OneToOneField(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='cause', to='clocks.clock')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state', 'named')), fields=['clock'], name='cause_to_judge')],
            },
        ),
    ]
