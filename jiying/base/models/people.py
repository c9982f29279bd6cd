"""People, teams, departments, roles and tokens (D26, D27). Rights are named; a role is a list of them."""

from functools import cached_property
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils import timezone

from jiying.base import texts


class Department(models.Model):
    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """The name for the reader: a shipped one in their language until somebody renames it."""
        return texts.named("department", self.code, self.name)


class Team(models.Model):
    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    department = models.ForeignKey(Department, null=True, blank=True, on_delete=models.SET_NULL)

    def __str__(self) -> str:
        return self.name


class Role(models.Model):
    """A named list of rights. The shipped ones can be changed, but not removed."""

    code = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=80)
    rights = models.JSONField(default=list)
    shipped = models.BooleanField(default=False)
    needs_second_factor = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """The name for the reader: a shipped one in their language until somebody renames it."""
        return texts.named("role", self.code, self.name)


class PersonManager(BaseUserManager["Person"]):
    def create_person(self, username: str, password: str | None = None, **fields: Any) -> "Person":
        person = self.model(username=username, **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def get_by_natural_key(self, username: str | None) -> "Person":
        return self.get(username__iexact=username)


class Presence(models.TextChoices):
    ONLINE = "online"
    BUSY = "busy"
    AWAY = "away"
    BREAK = "break"
    OFFLINE = "offline"


class Person(AbstractBaseUser):
    """Somebody who signs in: agent, supervisor, operations, administrator …"""

    username = models.CharField(max_length=60, unique=True)
    email = models.EmailField(blank=True)
    phone = models.CharField(max_length=20, blank=True)  # where text messages go
    name = models.CharField(max_length=80)
    employee_no = models.CharField(max_length=40, blank=True)
    team = models.ForeignKey(Team, null=True, blank=True, on_delete=models.SET_NULL, related_name="people")
    department = models.ForeignKey(Department, null=True, blank=True, on_delete=models.SET_NULL, related_name="people")
    roles = models.ManyToManyField(Role, blank=True, related_name="people")
    mentor = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL)
    hire_date = models.DateField(null=True, blank=True)
    seniority = models.PositiveSmallIntegerField(default=1)  # 1 new … 5 senior
    skills = models.JSONField(default=dict)  # {skill code: level 1..5}
    language = models.CharField(max_length=10, blank=True)  # empty: the site's
    time_zone = models.CharField(max_length=60, blank=True)  # empty: the site's
    presence = models.CharField(max_length=10, choices=Presence, default=Presence.OFFLINE)
    presence_reason = models.CharField(max_length=60, blank=True)
    presence_at = models.DateTimeField(default=timezone.now)
    is_active = models.BooleanField(default=True)
    shift = models.CharField(max_length=120, blank=True)  # in words: 早班 8:00–16:00
    second_factor_asked_at = models.DateTimeField(null=True, blank=True)  # the grace to set one up runs from then
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[PersonManager] = PersonManager()
    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        indexes = (
            models.Index(fields=["team", "presence"], name="person_team_presence"),
            models.Index(fields=["presence"], name="person_presence"),
        )

    def __str__(self) -> str:
        return self.name

    @cached_property
    def role_codes(self) -> frozenset[str]:
        return frozenset(role.code for role in self._roles)

    @cached_property
    def _roles(self) -> list[Role]:
        return list(self.roles.all())

    @property
    def needs_second_factor(self) -> bool:
        return any(role.needs_second_factor for role in self._roles)

    def rights(self) -> frozenset[str]:
        """All rights of all roles; read once for each loaded person."""
        return frozenset(right for role in self._roles for right in role.rights)


class ApiToken(models.Model):
    """An API token: 256 random bits, of which only the SHA-256 is kept."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)  # empty: all rights of the person
    created_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name
