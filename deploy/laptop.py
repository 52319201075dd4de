"""`make lake`: what a deployment may have besides the pipeline, on this computer until Ctrl-C.

That is SeaweedFS (S3, and a REST catalog of Iceberg), Postgres where it is installed, Luigi's
scheduler, and Sail, which speaks Spark Connect: each on a free port of 127.0.0.1, with credentials
that it has for as long as it runs, and none of what it holds stays. data/lake becomes a project
like this one, with its source files in the bucket, its tables computed by Sail, and published as
tables of Iceberg and in a schema of Postgres as well.
"""

from __future__ import annotations

import configparser
import fcntl
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from benepass_tasks.catalog import load_catalog
from benepass_tasks.catalog.editing import Setting, set_values
from benepass_tasks.config.settings import current_settings
from benepass_tasks.state.source_files import DATA_FOLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HOST: Final = "127.0.0.1"
FOLDER: Final = Path("data/lake")
BUCKET, TABLES = "lake", "tables"
"""The bucket of the source files, and that of the tables of Iceberg."""

DATABASE: Final = "LAKE_DATABASE"
"""The variable with the address of Postgres."""

POSTGRES: Final = "/usr/lib/postgresql/*/bin"
"""Where Debian has its programs, which are not on the path."""

REGION: Final = "us-east-1"
PATIENCE: Final = 60.0
"""Seconds that a server may take to start."""

TIED: Final = """\
stop=$1; shift; exec 3<&0
"$@" 3<&- </dev/null & server=$!
(read -r _ <&3; kill -s "$stop" "$server") & tie=$!
wait "$server"; code=$?
kill "$tie"; exit "$code"
"""
"""Runs a server until its own end, or that of whoever has the other end of its standard input:

so that nothing runs on after this program, whatever ended it.
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server on this computer.

    Attributes:
        name: What it is called.
        address: Where clients find it.
        port: The port that it listens on once it has started.
        command: What starts it.
        variables: What its environment has besides this program's own.
        user: Who runs it; None for who runs this.
        stop: The signal that ends it at once.
    """

    name: str
    address: str
    port: int
    command: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop: str = "TERM"


class LakeError(Exception):
    """Somebody has started this already, or a server has ended; the message says what."""


@contextmanager
def running(server: Server, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server, until the block or this process ends; it says what it has to say into a folder."""
    with (
        _said(server, folder).open("wb") as said,
        subprocess.Popen(
            ["/bin/sh", "-c", TIED, "sh", server.stop, *server.command],
            stdin=subprocess.PIPE,
            stdout=said,
            stderr=said,
            env=os.environ | server.variables,
            user=server.user,
            # Ctrl-C is for this program, which then ends the servers.
            start_new_session=True,
        ) as process,
    ):
        yield process


def _said(server: Server, folder: Path) -> Path:
    return folder / f"{server.name}.log"


def _ended(server: Server, folder: Path) -> LakeError:
    said = _said(server, folder).read_text(encoding="utf-8", errors="replace")
    last = "\n".join(said.splitlines()[-10:])
    return LakeError(f"{server.name} does not start or has ended; it said last:\n{last}")


def wait_for(server: Server, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait until a server listens.

    Raises:
        LakeError: it does not in time.
    """
    ends = time.monotonic() + PATIENCE
    while not _listens(server.port):
        if process.poll() is not None or time.monotonic() > ends:
            raise _ended(server, folder)
        time.sleep(0.1)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex((HOST, port)) == 0


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, each another."""
    with ExitStack() as stack:
        opened = [stack.enter_context(socket.socket()) for _ in range(count)]
        for it in opened:
            it.bind((HOST, 0))
        return [int(it.getsockname()[1]) for it in opened]


# ----------------------------------------------------------------------------------- the servers


@dataclass(frozen=True, slots=True)
class Storage:
    """SeaweedFS: object storage and a catalog of Iceberg, whose tables are in it.

    Attributes:
        s3, iceberg: The addresses of both.
        secret: The secret key of its one user.
        server: What runs it.
    """

    s3: str
    iceberg: str
    secret: str
    server: Server

    @property
    def variables(self) -> dict[str, str]:
        """What a client's environment has, to reach both."""
        catalog = {
            "TYPE": "rest",
            "URI": self.iceberg,
            "WAREHOUSE": f"s3://{TABLES}",
            "REST__SIGV4_ENABLED": "true",
            "REST__SIGNING_NAME": "s3tables",
            "REST__SIGNING_REGION": REGION,
            "S3__ENDPOINT": self.s3,
            "S3__REGION": REGION,
        }
        return {
            "AWS_ENDPOINT_URL_S3": self.s3,
            "AWS_ACCESS_KEY_ID": BUCKET,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": REGION,
            **{f"PYICEBERG_CATALOG__{BUCKET.upper()}__{key}": it for key, it in catalog.items()},
        }

    def client(self) -> Any:  # noqa: ANN401 - boto3's
        """What asks for objects, once there is the bucket."""
        import boto3  # noqa: PLC0415 - of the extra s3; the servers can be had without

        client = boto3.client(
            "s3",
            endpoint_url=self.s3,
            region_name=REGION,
            aws_access_key_id=BUCKET,
            aws_secret_access_key=self.secret,
        )
        client.get_waiter("bucket_exists").wait(Bucket=BUCKET, WaiterConfig={"Delay": 1})
        return client


def storage(folder: Path) -> Storage:
    """SeaweedFS with two empty buckets, whose files are in a folder."""
    objects = folder / "objects"
    objects.mkdir(mode=0o700)
    of_parts = [f"{it}.port" for it in ("master", "volume", "filer", "s3", "admin")]
    names = [*of_parts, *(f"{it}.grpc" for it in of_parts), "s3.port.iceberg"]
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    secret = secrets.token_hex(16)
    command = [
        str(Path(sys.executable).with_name("weed")),
        "mini",
        f"-dir={objects}",
        f"-ip={HOST}",
        f"-ip.bind={HOST}",
        f"-bucket={BUCKET}",
        f"-tableBucket={TABLES}",
        "-master.telemetry=false",
        "-webdav=false",
        "-admin.ui=false",
        "-s3.port.lance=0",
        *(f"-{name}={port}" for name, port in ports.items()),
    ]
    key = {"AWS_ACCESS_KEY_ID": BUCKET, "AWS_SECRET_ACCESS_KEY": secret}
    s3, iceberg = (f"http://{HOST}:{ports[it]}" for it in ("s3.port", "s3.port.iceberg"))
    server = Server("SeaweedFS", s3, ports["s3.port"], command, key)
    return Storage(s3, iceberg, secret, server)


def database(folder: Path) -> Server | None:
    """Postgres with an empty database in a folder; None where it is not installed.

    It refuses to be run by root, who has somebody else run it.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), *glob(POSTGRES)])  # noqa: PTH207
    initdb, postgres = (shutil.which(it, path=path) for it in ("initdb", "postgres"))
    if initdb is None or postgres is None:
        return None
    user, password = ("nobody" if os.geteuid() == 0 else None), secrets.token_hex(16)
    data, written = folder / "postgres", folder / "password"
    data.mkdir(mode=0o700)
    written.touch(mode=0o600)
    written.write_text(password, encoding="utf-8")
    if user:
        for it in (data, written):
            shutil.chown(it, user)
    options = ("--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C")
    subprocess.run(
        [initdb, "-D", data, "-U", "loader", "--pwfile", written, *options],
        user=user,
        check=True,
        capture_output=True,
    )
    (port,) = free_ports(1)
    command = [postgres, "-D", str(data), "-h", HOST, "-p", str(port), "-F", "-k", ""]
    address = f"postgresql://loader:{password}@{HOST}:{port}/postgres"
    return Server("Postgres", address, port, command, user=user, stop="INT")


def scheduler(port: int) -> Server:
    """Luigi's scheduler with its page, as the settings of data/lake have it."""
    command = [sys.executable, "-m", "benepass_tasks", "visualiser"]
    told = {"LUIGI_CONFIG_PATH": str(FOLDER / "luigi.cfg")}
    return Server("luigid", f"http://{HOST}:{port}", port, command, told)


def spark() -> Server:
    """Sail, which reads and writes the exchange by its path."""
    (port,) = free_ports(1)
    sail = str(Path(sys.executable).with_name("sail"))
    command = [sail, "spark", "server", "--ip", HOST, "--port", str(port)]
    return Server("Sail", f"sc://{HOST}:{port}", port, command)


# ----------------------------------------------------------------------------------- the project


def fill(store: Storage) -> None:
    """Put the source files of this project into the bucket, as the catalog names them."""
    client = store.client()
    folder = current_settings().data_dir
    for source in load_catalog(Path("catalog.yaml")).sources.values():
        pattern = source.filepath.removeprefix(DATA_FOLDER)
        for file in folder.glob(pattern) if source.extract is None else ():
            key = f"{DATA_FOLDER}{file.relative_to(folder).as_posix()}"
            client.upload_file(str(file), BUCKET, key)


def make_project(variables: Mapping[str, str], remote: str, visualiser: str) -> None:
    """Write data/lake: this project with its files and what it publishes in the lake.

    Args:
        variables: What the environment of a run has.
        remote: The server that computes the tables.
        visualiser: That of Luigi's tasks.
    """
    for part in ("sql", "pages"):
        with suppress(FileExistsError):
            (FOLDER / part).symlink_to(Path(part).absolute())
    catalog = Path("catalog.yaml")
    edited = set_values(catalog.read_text(encoding="utf-8"), catalog.name, _edits(variables))
    (FOLDER / catalog.name).write_text(edited, encoding="utf-8")
    settings = configparser.RawConfigParser()
    settings.read("luigid.cfg")
    settings["core"]["scheduler_url"] = visualiser
    settings["scheduler"]["state_path"] = str(FOLDER / "luigid-state.pickle")
    settings["benepass"] = {
        "project_dir": str(FOLDER.absolute()),
        "engine": "spark",
        "spark_remote": remote,
    }
    with (FOLDER / "luigi.cfg").open("w", encoding="utf-8") as file:
        settings.write(file)
    told = {"LUIGI_CONFIG_PATH": str((FOLDER / "luigi.cfg").absolute()), **variables}
    secret = FOLDER / "env"
    secret.touch(mode=0o600)
    secret.write_text("".join(f"export {it}={shlex.quote(told[it])}\n" for it in told))


def _edits(variables: Mapping[str, str]) -> Iterator[Setting]:
    """What the catalog says otherwise."""
    for source in load_catalog(Path("catalog.yaml")).sources.values():
        if source.extract is None:
            yield Setting((source.name, "filepath"), f"s3://{BUCKET}/{source.filepath}")
    analyst = ("_audiences", "analyst")
    yield Setting((*analyst, "iceberg"), {"catalog": BUCKET, "namespace": "benefits"})
    if DATABASE in variables:
        schema = {"credentials": DATABASE, "schema": "benefits", "role": "benefits_reader"}
        yield Setting((*analyst, "postgres"), schema)


@contextmanager
def folder_of_servers() -> Iterator[Path]:
    """A folder for what the servers hold, which goes with the block, or with the next one's start.

    Raises:
        LakeError: another block of this project has not ended.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    link = FOLDER / "servers"
    with (FOLDER / "lock").open("w") as lock, ExitStack() as stack:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LakeError(f"the servers of {FOLDER} run already, in another terminal") from None
        if link.is_symlink():
            # Whoever wrote it was killed.
            shutil.rmtree(link.readlink(), ignore_errors=True)
            link.unlink()
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="benepass-lake-")))
        # Somebody else may run Postgres in it.
        folder.chmod(0o711)
        link.symlink_to(folder)
        stack.callback(link.unlink)
        yield folder


def main() -> int:
    """Start all of it, and end all of it at Ctrl-C.

    Returns:
        1 where it runs already, or one of the servers does not start or ends by itself.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt), folder_of_servers() as folder:
            _serve(folder)
    except LakeError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _serve(folder: Path) -> None:
    store, sql, remote = storage(folder), database(folder), spark()
    visualiser = scheduler(*free_ports(1))
    variables = store.variables | ({DATABASE: sql.address} if sql else {})
    make_project(variables, remote.address, visualiser.address)
    servers = [it for it in (store.server, sql, visualiser, remote) if it]
    # Within the stack: what ends the servers would not wait for their end on its way.
    with ExitStack() as stack, suppress(KeyboardInterrupt):
        started = [(it, stack.enter_context(running(it, folder))) for it in servers]
        for it, process in started:
            wait_for(it, process, folder)
        fill(store)
        _tell(servers)
        while all(process.poll() is None for _, process in started):
            time.sleep(1)
        raise _ended(next(it for it, process in started if process.poll() is not None), folder)


def _tell(servers: Sequence[Server]) -> None:
    for it in servers:
        # The address of the database has its password.
        print(f"{it.name:<12}{HOST}:{it.port}")
    if all(it.name != "Postgres" for it in servers):
        print(
            "Postgres    is left out, for there is no initdb: apt install postgresql, or brew "
            "install postgresql"
        )
    print(
        f"{FOLDER} is a project that uses them until Ctrl-C. In another terminal:\n"
        f"  . {FOLDER}/env; make",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
