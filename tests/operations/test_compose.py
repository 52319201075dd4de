"""The compose file, as plain processes: its commands run here, on free ports of this computer."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest
from deployed import DEPLOY, FLAG, HOME, compose, program
from postgres import postgres
from projects import ROOT
from workspace import FILES

from benepass_tasks.config.settings import benepass
from benepass_tasks.site.serving import CONTENT_TYPES, HEADERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from workspace import Workspace

pytestmark = [pytest.mark.deploy, pytest.mark.nightly]

VARIABLES = {"BENEPASS_ENV": "dev", "BENEPASS_INCOMING": "/srv/incoming"}
PATIENCE = 120.0


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = compose(VARIABLES)["services"]
    return found


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def running(
    command: list[str], folder: Path, environment: Mapping[str, str], said: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A service, with all processes that it starts."""
    with said.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=PATIENCE)


def wait_until(is_so: Any, said: Path) -> None:  # noqa: ANN401 - a function without arguments
    end = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < end, said.read_text()
        time.sleep(0.2)


def answers(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def get(
    port: int, path: str, login: str | None = None, host: str = "benefits.example.com"
) -> tuple[int, dict[str, str], str]:
    """What nginx answers: the status, the headers in small letters, the text."""
    headers = {"Host": host}
    if login:
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        return answer.status, found, answer.read().decode()


# ------------------------------------------------------------------------------- what the file says


def test_without_an_environment_or_source_files_it_says_what_is_missing() -> None:
    for missing in VARIABLES:
        with pytest.raises(KeyError, match=missing):
            compose({name: value for name, value in VARIABLES.items() if name != missing})


def test_servers_are_for_this_computer_alone() -> None:
    ports = [port for it in services().values() for port in it.get("ports", ())]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_nothing_runs_as_root_or_writes_outside_of_its_volumes() -> None:
    for name, service in services().items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert service.get("user", "of the image") != "0"
        assert not service.get("privileged", False)
        assert service["mem_limit"]
        assert ":latest" not in service["image"]
        assert ":" in service["image"].rpartition("/")[2]


def test_only_runs_have_the_warehouse_and_source_files_are_read_only() -> None:
    volumes = {name: " ".join(it.get("volumes", ())) for name, it in services().items()}
    assert [name for name, listed in volumes.items() if "warehouse:" in listed] == ["pipeline"]
    assert f"/srv/incoming:{HOME}/data/incoming:ro" in volumes["pipeline"]
    assert "site:/srv/site:ro" in volumes["site"]


def test_secrets_come_from_a_file_that_is_not_here() -> None:
    files = {it["path"]: it["required"] for it in services()["pipeline"]["env_file"]}
    assert files == {"/etc/benepass-tasks.env": False, "/etc/benepass-tasks.storage": False}
    assert services()["pipeline"]["environment"].keys() == {"BENEPASS_ENV", "LUIGI_CONFIG_PATH"}
    assert services()["storage"]["env_file"] == ["/etc/benepass-tasks.storage"]
    assert not any("PASSWORD" in name for name in services()["database"]["environment"].values())
    assert "POSTGRES_PASSWORD_FILE" in services()["database"]["environment"]


def test_what_not_everybody_needs_is_there_only_where_it_is_asked_for() -> None:
    found = {name: it["profiles"] for name, it in services().items() if "profiles" in it}
    assert found == {name: [name] for name in ("storage", "database", "spark")}
    waited_for = services()["pipeline"]["depends_on"]
    assert {name for name, it in waited_for.items() if not it.get("required", True)} == {*found}
    reached = [name for name, it in services().items() if "data" in it["networks"]]
    assert reached == ["pipeline", "storage", "database"], "neither luigid nor the pages"


def test_runs_alone_reach_spark_and_it_has_nothing_but_the_exchange() -> None:
    """It runs whatever it is told, by whoever reaches it."""
    spark = services()["spark"]
    assert spark["networks"] == ["spark"]
    assert compose(VARIABLES)["networks"]["spark"] == {"internal": True}
    assert [name for name, it in services().items() if "spark" in it["networks"]] == [
        "pipeline",
        "spark",
    ]
    exchange = f"exchange:{HOME}/data/exchange"
    assert spark["volumes"] == [exchange]
    assert exchange in services()["pipeline"]["volumes"], "by the same path"
    assert not {"env_file", "environment", "ports"} & spark.keys()


def test_the_flags_exist_and_every_file_that_is_mounted_is_there() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    for flag in FLAG.findall(text):
        assert flag.replace("-", "_") in vars(benepass)
    mounted = re.findall(r"- (\./[\w./-]+):", text)
    assert mounted
    assert all((DEPLOY / file).is_file() for file in mounted)


def test_the_next_run_is_at_six_whatever_the_hour() -> None:
    loop = services()["pipeline"]["command"][-1]
    (sleep,) = re.findall(r'sleep "\$\(\( (.*) \)\)"', loop)
    for now, seconds in (("05:59:00", 61), ("06:00:00", 1), ("06:00:01", 86400), ("18:00", 43201)):
        at = sleep.replace("date +%s", f"date -ud {now} +%s")
        done = subprocess.run(
            ["sh", "-c", f"echo $(( {at} ))"], capture_output=True, text=True, check=True
        )
        assert int(done.stdout) == seconds, now


# ------------------------------------------------------------------------------------- what it does


def test_a_run_at_luigid_makes_the_environment_healthy(workspace: Workspace) -> None:
    declared, port = services(), free_port()
    shutil.copytree(workspace.data, workspace.root / "data/incoming")
    for path in workspace.data.glob("*.csv"):
        path.unlink()
    settings = (DEPLOY / "kubernetes/base/container.cfg").read_text()
    workspace.write("container.cfg", settings.replace("luigid:8082", f"127.0.0.1:{port}"))
    bin_folder = str(Path(sys.executable).parent)
    ours = workspace.environment | {"PATH": f"{bin_folder}:{os.environ['PATH']}"}
    run_in = ours | declared["pipeline"]["environment"]
    run_in["LUIGI_CONFIG_PATH"] = "container.cfg"
    watched = [
        {"0.0.0.0": "127.0.0.1", "8082": str(port)}.get(word, word)  # noqa: S104 - no longer
        for word in declared["luigid"]["command"]
    ]
    said = workspace.root / "said"
    said.mkdir()
    with ExitStack() as stack:
        luigid_in = ours | declared["luigid"]["environment"]
        stack.enter_context(running(watched, workspace.root, luigid_in, said / "luigid"))
        wait_until(lambda: answers(port), said / "luigid")
        _, python, *code = declared["luigid"]["healthcheck"]["test"]
        assert python == "python"
        check = [sys.executable, *(word.replace("8082", str(port)) for word in code)]
        assert subprocess.run(check, env=ours, check=False).returncode == 0
        stack.enter_context(
            running(declared["pipeline"]["command"], workspace.root, run_in, said / "pipeline")
        )
        shell, line = declared["pipeline"]["healthcheck"]["test"]
        assert shell == "CMD-SHELL"

        def is_healthy() -> bool:
            asked = subprocess.run(
                ["sh", "-c", line], cwd=workspace.root, env=run_in, capture_output=True, check=False
            )
            return asked.returncode == 0

        assert not is_healthy()
        wait_until(is_healthy, said / "pipeline")
        query = urllib.request.urlopen(
            f"http://127.0.0.1:{port}/api/task_list?data=%7B%22status%22%3A%22DONE%22%7D",
            timeout=10,
        )
        with query as told:
            done = json.load(told)["response"]
    assert any(it["name"] == "BuildSite" for it in done.values())
    assert (workspace.root / "data/site/dev/index.html").is_file()
    assert (workspace.root / "data/dev/warehouse.duckdb").is_file()


@contextmanager
def storage(folder: Path) -> Iterator[dict[str, str]]:
    """The object storage, as the compose file starts it; what its file of keys says to runs."""
    declared, port = services()["storage"], free_port()
    (folder / "objects").mkdir(parents=True)
    key = {"AWS_ACCESS_KEY_ID": "benefits", "AWS_SECRET_ACCESS_KEY": "of nobody"}
    words = [program(*declared["entrypoint"]), *declared["command"]]
    here = {"=/data": f"={folder}/objects", "=0.0.0.0": "=127.0.0.1", "=8333": f"={port}"}
    for there, ours in here.items():
        assert any(word.endswith(there) for word in words), there
        words = [word.replace(there, ours) if word.endswith(there) else word for word in words]
    others = ("master.port", "volume.port", "filer.port", "s3.port")
    grpc = [f"-{name}.grpc={free_port()}" for name in others]
    words += [f"-{name}={free_port()}" for name in others if name != "s3.port"] + grpc
    test, _wget, _quiet, healthy = declared["healthcheck"]["test"]
    assert test == "CMD"
    with running(words, folder, os.environ | key, folder / "said"):
        wait_until(lambda: is_answered(healthy.replace("8333", str(port))), folder / "said")
        yield key | {
            "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


def is_answered(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:  # noqa: S310 - ours
            return bool(answer.status == HTTPStatus.OK)
    except OSError:
        return False


def is_ready(address: str) -> bool:
    """Whether the health check of the compose file finds the database well."""
    test, *command = services()["database"]["healthcheck"]["test"]
    assert test == "CMD"
    at = urlsplit(address)
    here = {"loader": at.username or "", "benefits": at.path.removeprefix("/")}
    words = [program(command[0]), f"--port={at.port}", *command[1:]]
    for there, ours in here.items():
        words = [word.replace(f"={there}", f"={ours}") for word in words]
    return subprocess.run(words, check=False).returncode == 0


AUDIENCE = """\
  finance:
    description: Who pays the merchants.
    datasets: [marts.dim_merchants]
    reason: they pay them
    postgres: {credentials: FINANCE_DATABASE, schema: benepass, role: finance_reader}
"""


def test_with_the_profiles_files_come_from_a_bucket_and_an_audience_reads_a_database(
    workspace: Workspace,
) -> None:
    boto3 = pytest.importorskip("boto3", reason="tox -e deploy has what reads object storage")
    workspace.replace("catalog.yaml", "_audiences:\n", f"_audiences:\n{AUDIENCE}")
    for source in FILES:
        workspace.replace("catalog.yaml", f": data/{source}", f": s3://benefits/{source}")
        (workspace.data / f"{source}.csv").unlink()
    with storage(workspace.root / "storage") as key, postgres() as address:
        assert is_ready(address)
        client = boto3.client(
            "s3",
            endpoint_url=key["AWS_ENDPOINT_URL_S3"],
            region_name=key["AWS_DEFAULT_REGION"],
            aws_access_key_id=key["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=key["AWS_SECRET_ACCESS_KEY"],
        )
        client.create_bucket(Bucket="benefits")
        for source, text in FILES.items():
            client.put_object(Bucket="benefits", Key=f"{source}.csv", Body=text.encode())
        given = {"FINANCE_DATABASE": address, "NO_PROXY": "127.0.0.1"}
        done = workspace.run_command(task="Publish", **key, **given)
        with psycopg.connect(address) as connection:
            found = connection.execute("select merchant from benepass.dim_merchants").fetchall()
    assert done.returncode == 0, done.stderr
    assert {name for (name,) in found} == {"Iron Heron Gym", "Plum Crate"}


ON_SPARK = ("engine = spark", "spark_remote = sc://spark:15002", "exchange_dir = data/exchange")


def test_with_the_profile_spark_it_computes_the_tables_of_a_run(workspace: Workspace) -> None:
    """As docs/deployment.md has it in luigi.cfg."""
    pytest.importorskip("pysail", reason="tox -e deploy has a server of Spark Connect")
    documented = (ROOT / "docs/deployment.md").read_text()
    for line in ON_SPARK:
        assert f"prod.{line}\n" in documented
    declared, port = services()["spark"], free_port()
    here = {"sail": program("sail"), "0.0.0.0": "127.0.0.1", "15002": str(port)}  # noqa: S104
    said = workspace.root / "said"
    with running(
        [here.get(word, word) for word in declared["command"]], workspace.root, os.environ, said
    ):
        test, python, *code = declared["healthcheck"]["test"]
        assert (test, python) == ("CMD", "python")
        check = [sys.executable, *(word.replace("15002", str(port)) for word in code)]
        wait_until(lambda: subprocess.run(check, stderr=-3, check=False).returncode == 0, said)
        settings = "\n".join(ON_SPARK).replace("spark:15002", f"127.0.0.1:{port}")
        workspace.replace("luigi.cfg", "[benepass]\n", f"[benepass]\n{settings}\n")
        done = workspace.run_command(task="BuildMarts")
    assert done.returncode == 0, done.stderr
    engines = workspace.query(
        "select distinct engine from meta.materializations where engine is not null"
    )
    assert ("spark",) in engines


@pytest.fixture
def public_path() -> Iterator[Path]:
    """A folder that others may read, as pytest's own are not: nginx of root has other workers."""
    with TemporaryDirectory(prefix="pages-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def nginx(public_path: Path) -> Iterator[int]:
    """The pages behind nginx, as the compose file starts it."""
    declared, port = services()["site"], free_port()
    site = public_path / "site" / VARIABLES["BENEPASS_ENV"]
    (site / "catalog").mkdir(parents=True)
    (site / "index.html").write_text("<p>überblick</p>", encoding="utf-8")
    (site / "catalog" / "a.b.html").write_text("a table")
    (site / ".environment").write_text("dev\n")
    (site.parent / "other").mkdir()
    (site.parent / "other" / "index.html").write_text("of another environment")
    logins = public_path / "logins"
    made = subprocess.run(
        [program("openssl"), "passwd", "-apr1", "secret"],
        capture_output=True,
        text=True,
        check=True,
    )
    logins.write_text(f"ann:{made.stdout}")
    for path in public_path.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    config = (DEPLOY / "kubernetes/base/nginx.conf").read_text()
    here = {
        " /tmp/": f" {public_path}/",
        "listen 8080": f"listen 127.0.0.1:{port}",
        "/run/secrets/logins": str(logins),
    }
    for there, ours in here.items():
        assert there in config
        config = config.replace(there, ours)
    (public_path / "nginx.conf").write_text(config)
    words = {"nginx": program("nginx"), "/etc/nginx/nginx.conf": str(public_path / "nginx.conf")}
    command = [words.get(word, word) for word in declared["command"]]
    command = [word.replace("/srv/site", str(site.parent)) for word in command]
    said = public_path / "said"
    with running(command, public_path, os.environ, said):
        wait_until(lambda: answers(port), said)
        yield port
    assert "[warn]" not in said.read_text()
    assert "[alert]" not in said.read_text()


def test_who_has_no_login_sees_no_page(nginx: int) -> None:
    for path in ("/", "/index.html", "/catalog/a.b.html", "/nothing", "/.environment"):
        for login in (None, "ann:wrong", "bob:secret"):
            status, headers, text = get(nginx, path, login)
            assert status in (401, 404), path
            assert "überblick" not in text
            assert "a table" not in text
            if status == 401:
                assert headers["www-authenticate"] == 'Basic realm="Benefits"'


def test_who_has_one_sees_them_as_benepass_serve_shows_them(nginx: int) -> None:
    for path, text in (("/", "<p>überblick</p>"), ("/catalog/a.b.html", "a table")):
        status, headers, found = get(nginx, path, "ann:secret")
        assert (status, found) == (200, text)
        assert headers["content-type"] == CONTENT_TYPES[".html"]
        assert {name: headers[name.lower()] for name in HEADERS} == HEADERS
        assert headers["server"] == "nginx"


def test_nothing_else_is_served(nginx: int) -> None:
    for path in ("/.environment", "/../other/index.html", "/%2e%2e/other/index.html", "/catalog/"):
        status, _, text = get(nginx, path, "ann:secret")
        assert status in (400, 403, 404), path
        assert "another environment" not in text


def test_a_probe_is_answered_without_a_login_and_learns_nothing(nginx: int) -> None:
    status, _, text = get(nginx, "/healthz")
    assert (status, text) == (204, "")
