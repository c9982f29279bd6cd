import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    # The steps in which these tables came to be, before the first release.
    replaces = [
        ('quality', '0001_surveys_and_callbacks'),
        ('quality', '0002_begin_at_the_end'),
    ]

    initial = True

    dependencies = [
        ('base', '0001_tables'),
        ('desk', '0001_tables'),
    ]

    operations = [
        migrations.CreateModel(
            name='SurveyDesign',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=40, unique=True)),
                ('name_zh', models.CharField(max_length=80)),
                ('name_en', models.CharField(blank=True, max_length=80)),
                ('kind', models.CharField(choices=[('rating', 'Rating'), ('nps', 'Nps'), ('ces', 'Ces')], default='rating', max_length=10)),
                ('items', models.JSONField(default=list)),
                ('question_zh', models.CharField(blank=True, max_length=200)),
                ('question_en', models.CharField(blank=True, max_length=200)),
                ('channels', models.JSONField(default=list)),
                ('categories', models.JSONField(default=list)),
                ('types', models.JSONField(default=list)),
                ('share', models.PositiveSmallIntegerField(default=100)),
                ('delay_h', models.PositiveSmallIntegerField(default=0)),
                ('expires_days', models.PositiveSmallIntegerField(default=7)),
                ('tells', models.BooleanField(default=False)),
                ('reminder_h', models.PositiveSmallIntegerField(default=0)),
                ('quiet_days', models.PositiveSmallIntegerField(default=30)),
                ('active', models.BooleanField(default=False)),
                ('revision', models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='Survey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('wake_at', models.DateTimeField(blank=True, null=True)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('fence', models.PositiveIntegerField(default=0)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('parked_at', models.DateTimeField(blank=True, null=True)),
                ('last_error', models.TextField(blank=True)),
                ('kind', models.CharField(choices=[('rating', 'Rating'), ('nps', 'Nps'), ('ces', 'Ces')], max_length=10)),
                ('items', models.JSONField(default=list)),
                ('state', models.CharField(choices=[('planned', 'Planned'), ('open', 'Open'), ('answered', 'Answered'), ('expired', 'Expired'), ('withdrawn', 'Withdrawn')], default='planned', max_length=10)),
                ('made_at', models.DateTimeField()),
                ('opens_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('reminded_at', models.DateTimeField(null=True)),
                ('score', models.PositiveSmallIntegerField(null=True)),
                ('marks', models.JSONField(default=dict)),
                ('comment', models.TextField(blank=True)),
                ('way', models.CharField(blank=True, max_length=10)),
                ('answered_at', models.DateTimeField(null=True)),
                ('n_changes', models.PositiveSmallIntegerField(default=0)),
                ('channel', models.CharField(max_length=10)),
                ('category', models.CharField(blank=True, max_length=120)),
                ('agent', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('team', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='base.team')),
                ('ticket', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='survey', to='desk.ticket')),
                ('design', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='quality.surveydesign')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('wake_at__isnull', False)), fields=['wake_at', 'id'], name='survey_due'), models.Index(condition=models.Q(('parked_at__isnull', False)), fields=['parked_at'], name='survey_parked'), models.Index(fields=['kind', 'opens_at'], name='survey_asked'), models.Index(condition=models.Q(('state', 'answered')), fields=['answered_at', 'id'], name='survey_answered')],
            },
        ),
        migrations.CreateModel(
            name='Callback',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('state', models.CharField(choices=[('open', 'Open'), ('reached', 'Reached'), ('closed', 'Closed')], default='open', max_length=10)),
                ('cause', models.CharField(blank=True, max_length=30)),
                ('note', models.TextField(blank=True)),
                ('n_tries', models.PositiveSmallIntegerField(default=0)),
                ('opened_at', models.DateTimeField()),
                ('due_at', models.DateTimeField(null=True)),
                ('is_late', models.BooleanField(default=False)),
                ('reached_at', models.DateTimeField(null=True)),
                ('closed_at', models.DateTimeField(null=True)),
                ('closed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('reached_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('survey', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='callback', to='quality.survey')),
            ],
            options={
                'indexes': [models.Index(fields=['state', 'due_at', 'id'], name='callback_due')],
            },
        ),
    ]
