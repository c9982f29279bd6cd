"""Backup and restore as commands, on the run's database: the whole state comes back, or nothing is touched."""

import gzip
import io
import shutil
import sqlite3
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psycopg
import pytest

from tests import servers
from tests.house import House
from tests.servers import ServerError, wait_until


@pytest.fixture
def empty_house(tmp_path: Path, house: House) -> Iterator[House]:
    """Another machine: its own folder and an empty database."""
    url = servers.create_database(house.database_url, f"{tmp_path.name}_2"[-40:].lower()) if house.database_url else ""
    other = House(tmp_path / "other", url)
    yield other
    other.close()
    if url:
        servers.drop_database(url)


def furnished(house: House) -> str:
    """A house with a person, journal entries and a file; returns a token that works in it."""
    house.run("admin", "--username", "ada")
    (house.home / "files" / "ab").mkdir(parents=True)
    (house.home / "files" / "ab" / "abcd").write_bytes(b"evidence")
    return house.run("token", "--user", "ada").strip()


def people(house: House) -> list[str]:
    """The sign-in names in the house's database, read beside the program."""
    query = "SELECT username FROM base_person ORDER BY username"
    if house.database_url:
        with psycopg.connect(house.database_url) as connection:
            return [name for (name,) in connection.execute(query)]
    with closing(sqlite3.connect(house.home / "jiying.sqlite3")) as file:
        return [name for (name,) in file.execute(query)]


def accepts(house: House, token: str) -> bool:
    """Whether the house that is up takes the token (metrics, asked as if from elsewhere)."""
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "192.0.2.1"}
    request = urllib.request.Request(f"{house.url}/metrics", headers=headers)  # noqa: S310 - our own address
    with suppress(urllib.error.HTTPError), urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        return bool(answer.status == 200)
    return False


def test_a_backup_of_a_working_house_comes_back_on_another_machine(house: House, empty_house: House, tmp_path: Path):
    token, file = furnished(house), tmp_path / "live.tar.gz"
    running = house.up()
    wait_until(lambda: "up to position 2" in house.run("check"), 60, "positions for two entries")
    assert "journal position 2" in house.run("backup", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ServerError, match="stop it first"):
        house.run("restore", str(file), "--yes")
    assert running.alive and house.answers("/health/ready")
    running.stop()

    assert "0 faults; journal checked up to position 2" in empty_house.run("restore", str(file))
    assert people(empty_house) == ["ada"]
    assert (empty_house.home / "files" / "ab" / "abcd").read_bytes() == b"evidence"
    assert (empty_house.home / "secret_key").read_text() == (house.home / "secret_key").read_text()
    empty_house.up()
    assert accepts(empty_house, token)
    assert not accepts(empty_house, token[:-1])


def test_data_are_replaced_only_when_that_was_said(house: House, tmp_path: Path):
    furnished(house)
    file = tmp_path / "before.tar.gz"
    house.run("backup", str(file))
    with pytest.raises(ServerError, match="exists already"):
        house.run("backup", str(file))
    house.run("admin", "--username", "eve")
    with pytest.raises(ServerError, match="add --yes"):
        house.run("restore", str(file))
    assert people(house) == ["ada", "eve"]
    house.run("restore", str(file), "--yes")
    assert people(house) == ["ada"]


def damaged(file: Path, change: str) -> Path:
    """A copy of a backup in which one member's content was changed, or that was cut short."""
    bad = file.with_name(f"bad-{change}.tar.gz")
    if change == "cut":
        bad.write_bytes(file.read_bytes()[:-2000])
        return bad
    with tarfile.open(file) as source, tarfile.open(bad, "w:gz") as target:
        for member in source.getmembers():
            content = source.extractfile(member).read()  # type: ignore[union-attr]
            if member.name.startswith(change):
                content = content[:-1] + bytes([content[-1] ^ 1])
            target.addfile(member, io.BytesIO(content))
    return bad


def test_what_is_no_whole_backup_is_refused_before_anything_is_touched(house: House, tmp_path: Path):
    furnished(house)
    file = tmp_path / "good.tar.gz"
    house.run("backup", str(file))
    for change, message in (("database", "checksum"), ("files", "checksum"), ("cut", "not a backup|checksum")):
        with pytest.raises(ServerError, match=message):
            house.run("restore", str(damaged(file, change)), "--yes")
    other = tmp_path / "other.tar.gz"
    other.write_bytes(gzip.compress(b"something else"))
    with pytest.raises(ServerError, match="not a backup"):
        house.run("restore", str(other), "--yes")
    with pytest.raises(ServerError, match="no such file"):
        house.run("restore", str(tmp_path / "none.tar.gz"), "--yes")
    with pytest.raises(ServerError, match="choose such a name"):
        house.run("backup", str(tmp_path / "x.zip"))
    assert people(house) == ["ada"]
    assert not list(house.home.glob(".restore-*"))
    shutil.rmtree(house.home / "files")
    house.run("restore", str(file), "--yes")
    assert (house.home / "files" / "ab" / "abcd").read_bytes() == b"evidence"
