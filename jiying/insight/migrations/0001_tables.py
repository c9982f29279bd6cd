import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    # The steps in which these tables came to be, before the first release.
    replaces = [
        ('insight', '0001_kept_reports'),
        ('insight', '0002_dashboards'),
    ]

    initial = True

    dependencies = [
        ('base', '0001_tables'),
    ]

    operations = [
        migrations.CreateModel(
            name='Dashboard',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cards', models.JSONField(default=list)),
                ('revision', models.PositiveIntegerField(default=0)),
                ('changed_at', models.DateTimeField()),
                ('person', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='KeptReport',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=10)),
                ('first', models.DateField()),
                ('last', models.DateField()),
                ('made_at', models.DateTimeField()),
                ('body', models.JSONField()),
                ('team', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='base.team')),
            ],
            options={
                'indexes': [models.Index(fields=['-last', 'kind'], name='report_newest')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('team__isnull', True)), fields=('kind', 'first'), name='report_once_for_all'), models.UniqueConstraint(condition=models.Q(('team__isnull', False)), fields=('team', 'kind', 'first'), name='report_once_for_team')],
            },
        ),
        migrations.CreateModel(
            name='ReportSubscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=10)),
                ('person', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('person', 'kind'), name='report_subscribed_once')],
            },
        ),
    ]
