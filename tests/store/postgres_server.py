"""A real PostgreSQL on loopback, in a folder of its own, with a fresh database for every test."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from store.postgres import PostgresAddress

START_WITHIN_S = 60.0
USER = "yinding"


def program(name: str) -> str | None:
    """One of PostgreSQL's programs; Debian keeps them out of the path."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(found[-1]) if found else shutil.which(name)


class PostgresServer:
    """One server; `database` makes an empty database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._names = itertools.count()
        # PostgreSQL refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if self._user is not None:
            account = pwd.getpwnam(self._user)
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        initdb, postgres = program("initdb"), program("postgres")
        assert initdb is not None
        assert postgres is not None
        where = f"--pgdata={self._folder}"
        self._run([initdb, where, f"--username={USER}", "--auth=trust", "--encoding=UTF8", "-N"])
        self._process = subprocess.Popen(
            [
                postgres,
                "-D",
                str(self._folder),
                "-p",
                str(self.port),
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "unix_socket_directories=",
                "-c",
                "fsync=off",
            ],
            user=self._user,
            group=self._user,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end_s = time.monotonic() + START_WITHIN_S
        while not self._is_up():
            assert self._process.poll() is None, "PostgreSQL ended"
            assert time.monotonic() < end_s, "PostgreSQL did not start"

    def _run(self, command: list[str]) -> None:
        subprocess.run(
            command,
            user=self._user,
            group=self._user,
            cwd=self._folder,
            check=True,
            capture_output=True,
        )

    def _is_up(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user=USER, dbname="postgres", autocommit=True
        )

    def database(self) -> PostgresAddress:
        """A new, empty database."""
        name = f"site_{next(self._names)}"
        with self._connect() as connection:
            connection.execute(f"CREATE DATABASE {name} STRATEGY file_copy".encode())
        return PostgresAddress(host="127.0.0.1", port=self.port, database=name, username=USER)

    def stop(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait()


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """A running server; its folder is not under pytest's, which only root may enter."""
    with tempfile.TemporaryDirectory(prefix="yinding-postgres-") as folder:
        server = PostgresServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()
