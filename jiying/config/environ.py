"""Reads the environment, and nothing else: each setting once, with its default and a clear refusal.

A secret may come from a file (`NAME_FILE`), as container platforms hand them over. Values are never printed.
"""

import ipaddress
import os
import secrets
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parent.parent.parent


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def flag(name: str, default: bool = False) -> bool:
    value = text(name).lower()
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    if value == "":
        return default
    raise ImproperlyConfigured(f"{name}={value!r}: use 1 or 0")


def number(name: str, default: int, *, low: int = 0, high: int = 1_000_000) -> int:
    value = text(name)
    if not value:
        return default
    if not value.isdigit() or not low <= int(value) <= high:
        raise ImproperlyConfigured(f"{name}={value!r}: use a whole number from {low} to {high}")
    return int(value)


def secret(name: str, default: str = "") -> str:
    """The value of NAME, or the content of the file that NAME_FILE names."""
    path = text(f"{name}_FILE")
    if not path:
        return text(name, default)
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE: cannot read it ({error.strerror})") from error


def home() -> Path:
    """The data folder (JIYING_HOME): database, files, keys, compiled kernels."""
    return Path(text("JIYING_HOME") or ROOT / "var").expanduser().resolve()


def secret_key(folder: Path) -> str:
    """JIYING_SECRET_KEY, else a key that is made once and kept in the data folder, readable by its owner only."""
    given = secret("JIYING_SECRET_KEY")
    if given:
        return given
    path = folder / "secret_key"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = folder / f".secret_key.{os.getpid()}"
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(50))
        try:
            os.link(made, path)  # the first of several starting processes wins; the others read its key
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_text(encoding="utf-8").strip()


def _sqlite(path: str) -> dict[str, object]:
    return {
        "ENGINE": "jiying.base.databases.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # IMMEDIATE: a transaction that reads and then writes never fails at the lock upgrade.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA cache_size=-64000;"
            "PRAGMA temp_store=MEMORY;PRAGMA mmap_size=268435456",
        },
    }


def database(folder: Path) -> dict[str, object]:
    """The Django database of DATABASE_URL: `postgresql://user:pw@host:port/name?opt=x`, `sqlite:///path`, or none."""
    url = secret("DATABASE_URL")
    if not url:
        return _sqlite(str(folder / "jiying.sqlite3"))
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _sqlite(unquote(parts.path))
    if parts.scheme not in ("postgres", "postgresql"):
        raise ImproperlyConfigured("DATABASE_URL: use postgresql://user:password@host:port/name or sqlite:///path")
    options: dict[str, object] = dict(parse_qsl(parts.query))
    host = str(options.pop("host", "")) or unquote(parts.hostname or "")
    # Durability is a promise of the product, not of the server's default.
    options["options"] = f"{options.get('options', '')} -c synchronous_commit=on".strip()
    return {
        "ENGINE": "jiying.base.databases.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


def inside_hosts() -> list[str]:
    """JIYING_INSIDE_HOSTS: names and networks inside that outgoing requests may reach all the same."""
    return [one.strip().lower() for one in text("JIYING_INSIDE_HOSTS").split(",") if one.strip()]


def proxies() -> list[str]:
    """JIYING_PROXIES: addresses and networks of the proxies in front, whose X-Forwarded-For is believed."""
    given = [one.strip() for one in text("JIYING_PROXIES", "127.0.0.0/8,::1").split(",") if one.strip()]
    for one in given:
        try:
            ipaddress.ip_network(one, strict=False)
        except ValueError as error:
            raise ImproperlyConfigured(f"JIYING_PROXIES: {one!r} is no address and no network") from error
    return given


def oidc() -> dict[str, str]:
    """The provider of single sign-on: JIYING_OIDC_ISSUER, _CLIENT_ID, _CLIENT_SECRET (or _CLIENT_SECRET_FILE)."""
    return {
        "issuer": text("JIYING_OIDC_ISSUER").rstrip("/"),
        "client_id": text("JIYING_OIDC_CLIENT_ID"),
        "client_secret": secret("JIYING_OIDC_CLIENT_SECRET"),
    }


def mail() -> dict[str, object]:
    """Where mails leave (JIYING_SMTP_URL = smtp[s]://user:pw@host:port?from=desk@example.com); none: mail is off."""
    url = secret("JIYING_SMTP_URL")
    if not url:
        return {}
    parts = urlsplit(url)
    if parts.scheme not in ("smtp", "smtps", "smtp+tls") or not parts.hostname:
        raise ImproperlyConfigured("JIYING_SMTP_URL: use smtp://, smtp+tls:// or smtps://user:password@host:port")
    query = dict(parse_qsl(parts.query))
    return {
        "EMAIL_HOST": parts.hostname,
        "EMAIL_PORT": parts.port or {"smtp": 25, "smtps": 465, "smtp+tls": 587}[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": parts.scheme == "smtps",
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "DEFAULT_FROM_EMAIL": query.get("from", f"jiying@{parts.hostname}"),
    }
