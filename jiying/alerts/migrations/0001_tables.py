import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    # The steps in which these tables came to be, before the first release.
    replaces = [
        ('alerts', '0001_initial'),
        ('alerts', '0002_on_call_and_wishes'),
        ('alerts', '0003_ways_beside_mail'),
    ]

    initial = True

    dependencies = [
        ('base', '0001_tables'),
    ]

    operations = [
        migrations.CreateModel(
            name='Bucket',
            fields=[
                ('key', models.CharField(max_length=80, primary_key=True, serialize=False)),
                ('taken', models.JSONField(default=list)),
                ('rests_until', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Alert',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=120, unique=True)),
                ('capacity', models.CharField(max_length=20)),
                ('kind', models.CharField(max_length=30)),
                ('severity', models.CharField(max_length=10)),
                ('subject_kind', models.CharField(max_length=20)),
                ('subject_id', models.BigIntegerField()),
                ('data', models.JSONField(default=dict)),
                ('at', models.DateTimeField()),
                ('noticed_at', models.DateTimeField()),
                ('late', models.BooleanField(default=False)),
                ('state', models.CharField(choices=[('new', 'New'), ('seen', 'Seen'), ('acknowledged', 'Acknowledged'), ('withdrawn', 'Withdrawn')], default='new', max_length=15)),
                ('seen_at', models.DateTimeField(null=True)),
                ('acknowledged_at', models.DateTimeField(null=True)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='alerts', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(fields=['person', '-at'], name='alert_person'), models.Index(condition=models.Q(('state', 'new')), fields=['person'], name='alert_new'), models.Index(fields=['subject_kind', 'subject_id'], name='alert_subject')],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('wake_at', models.DateTimeField(blank=True, null=True)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('fence', models.PositiveIntegerField(default=0)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('parked_at', models.DateTimeField(blank=True, null=True)),
                ('last_error', models.TextField(blank=True)),
                ('way', models.CharField(max_length=20)),
                ('key', models.CharField(max_length=64, unique=True)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('sent', 'Sent'), ('withheld', 'Withheld'), ('dead', 'Dead')], default='waiting', max_length=10)),
                ('target', models.CharField(blank=True, max_length=200)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('sent_at', models.DateTimeField(null=True)),
                ('carried', models.ManyToManyField(related_name='+', to='alerts.alert')),
                ('connection', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='base.connection')),
                ('person', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('wake_at__isnull', False)), fields=['wake_at'], name='delivery_due'), models.Index(condition=models.Q(('parked_at__isnull', False)), fields=['parked_at'], name='delivery_dead'), models.Index(condition=models.Q(('wake_at__isnull', False)), fields=['connection', 'id'], name='delivery_by_connection')],
            },
        ),
        migrations.CreateModel(
            name='OnCall',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='on_call', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='base.team')),
            ],
            options={
                'indexes': [models.Index(fields=['ends_at'], name='on_call_end')],
                'constraints': [models.CheckConstraint(condition=models.Q(('ends_at__gt', models.F('starts_at'))), name='on_call_length')],
            },
        ),
        migrations.CreateModel(
            name='Wish',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quiet_from', models.CharField(blank=True, max_length=5)),
                ('quiet_to', models.CharField(blank=True, max_length=5)),
                ('digest_min', models.PositiveSmallIntegerField(default=0)),
                ('person', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='alert_wish', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.AddField(
            model_name='alert',
            name='delivery',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='alerts', to='alerts.delivery'),
        ),
    ]
