"""The manifests: what Kubernetes would accept, and what a run in it may."""

from __future__ import annotations

import configparser
import shutil
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from deployed import DEPLOY, ENVIRONMENTS, FLAG, HOME, manifests
from projects import ROOT

from benepass_tasks.config.settings import benepass

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.deploy

KUBERNETES = "1.34"


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def made(environment: str) -> list[dict[str, Any]]:
    return manifests(environment)


def of_kind(made: list[dict[str, Any]], kind: str) -> Iterator[dict[str, Any]]:
    return (it for it in made if it["kind"] == kind)


def templates(made: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The templates of pods, by the name of what makes them."""
    jobs = {it["metadata"]["name"]: it["spec"]["jobTemplate"] for it in of_kind(made, "CronJob")}
    deployments = {it["metadata"]["name"]: it for it in of_kind(made, "Deployment")}
    return {name: it["spec"]["template"] for name, it in (jobs | deployments).items()}


def test_all_of_it_is_as_the_schemas_of_kubernetes_have_it(made: list[dict[str, Any]]) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    assert {"CronJob", "Deployment", "Ingress", "NetworkPolicy"} <= {it["kind"] for it in made}
    for it in made:
        kubernetes_validate.validate(it, KUBERNETES, strict=True)


def test_a_run_is_of_its_environment_in_a_namespace_of_its_own(
    environment: str, made: list[dict[str, Any]]
) -> None:
    (run,) = templates(made)["pipeline"]["spec"]["containers"]
    assert run["command"] == ["benepass"]
    assert run["args"] == ["run", f"--benepass-env={environment}"]
    assert {it["metadata"].get("namespace") for it in made if it["kind"] != "Namespace"} == {
        f"benepass-{environment}"
    }
    for flag in FLAG.findall(" ".join(run["args"])):
        assert flag.replace("-", "_") in vars(benepass)


def test_runs_never_overlap_and_a_failed_one_is_not_tried_again(made: list[dict[str, Any]]) -> None:
    (cron,) = of_kind(made, "CronJob")
    assert cron["spec"]["concurrencyPolicy"] == "Forbid"
    assert cron["spec"]["jobTemplate"]["spec"]["backoffLimit"] == 0


def test_no_secret_is_in_a_file(made: list[dict[str, Any]]) -> None:
    assert not list(of_kind(made, "Secret"))
    for template in templates(made).values():
        for container in template["spec"]["containers"]:
            stated = {it["name"] for it in container.get("env", ())}
            assert stated <= {"LUIGI_CONFIG_PATH"}


def test_every_place_that_the_environment_writes_to_can_be_written(
    environment: str, made: list[dict[str, Any]]
) -> None:
    (run,) = templates(made)["pipeline"]["spec"]["containers"]
    mounts = {
        PurePosixPath(it["mountPath"]): not it.get("readOnly", False) for it in run["volumeMounts"]
    }
    config = configparser.ConfigParser()
    config.read([ROOT / "luigi.cfg", DEPLOY / "kubernetes/base/container.cfg"])
    places = dict(config["environments"])
    written = {
        name: HOME / PurePosixPath(places[f"{environment}.{name}"])
        for name in ("warehouse", "published_dir", "site_dir")
    }
    for place in written.values():
        assert mounts[next(it for it in place.parents if it in mounts)], place
    read = HOME / PurePosixPath(config["benepass"]["data_dir"])
    assert mounts[read] is False, "nobody but who brings them writes source files"
    # A site is served from its own folder in the volume, and nothing else of the volume is there.
    (nginx,) = templates(made)["site"]["spec"]["containers"]
    (served,) = [it for it in nginx["volumeMounts"] if it["name"] == "public"]
    (into,) = [it for it in run["volumeMounts"] if it.get("subPath", "").startswith("site")]
    inside = written["site_dir"].relative_to(into["mountPath"])
    assert served["subPath"] == str(into["subPath"] / inside)
    assert served["readOnly"]


def test_only_runs_have_the_warehouse(made: list[dict[str, Any]]) -> None:
    having = {
        name
        for name, template in templates(made).items()
        for volume in template["spec"]["volumes"]
        if volume.get("persistentVolumeClaim", {}).get("claimName") == "warehouse"
    }
    assert having == {"pipeline"}


def test_what_runs_finds_is_what_there_is(made: list[dict[str, Any]]) -> None:
    """Claims, settings, the scheduler's address, and the pods that policies and services name."""
    there_is = {(it["kind"], it["metadata"]["name"]) for it in made}
    labels = [it["metadata"]["labels"] for it in templates(made).values()]
    for template in templates(made).values():
        for volume in template["spec"]["volumes"]:
            if claim := volume.get("persistentVolumeClaim"):
                assert ("PersistentVolumeClaim", claim["claimName"]) in there_is
            if settings := volume.get("configMap"):
                assert ("ConfigMap", settings["name"]) in there_is
    config = configparser.ConfigParser()
    config.read(DEPLOY / "kubernetes/base/container.cfg")
    scheduler = urlsplit(config["core"]["scheduler_url"])
    (service,) = [
        it for it in of_kind(made, "Service") if it["metadata"]["name"] == scheduler.hostname
    ]
    assert scheduler.port in {it["port"] for it in service["spec"]["ports"]}
    assert set(config["benepass"]) <= {name for name, value in vars(benepass).items() if value}
    selectors = [it["spec"]["selector"] for it in of_kind(made, "Service")] + [
        it["spec"]["podSelector"].get("matchLabels", {}) for it in of_kind(made, "NetworkPolicy")
    ]
    for selector in selectors:
        assert any(selector.items() <= found.items() for found in labels), selector


def test_nobody_reaches_anybody_unless_a_policy_says_so(made: list[dict[str, Any]]) -> None:
    (nobody,) = [it for it in of_kind(made, "NetworkPolicy") if not it["spec"]["podSelector"]]
    assert set(nobody["spec"]["policyTypes"]) == {"Ingress", "Egress"}
    assert not {"ingress", "egress"} & nobody["spec"].keys()


def test_pods_are_restricted_as_their_namespace_demands(made: list[dict[str, Any]]) -> None:
    (namespace,) = of_kind(made, "Namespace")
    assert "restricted" in namespace["metadata"]["labels"].values()
    for template in templates(made).values():
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert container["resources"]["limits"].keys() == {"cpu", "memory"}


@pytest.fixture
def with_components(tmp_path: Path) -> list[dict[str, Any]]:
    """An environment whose source files are in a bucket, and that has databases and Spark."""
    return made_with(tmp_path, "bucket", "database", "spark")


def made_with(folder: Path, *components: str) -> list[dict[str, Any]]:
    shutil.copytree(DEPLOY / "kubernetes", folder / "kubernetes")
    overlay = folder / "kubernetes/overlays/prod/kustomization.yaml"
    named = ", ".join(f"../../components/{it}" for it in components)
    overlay.write_text(f"{overlay.read_text()}components: [{named}]\n")
    return manifests("prod", folder)


def test_a_warehouse_in_object_storage_needs_no_volume(tmp_path: Path) -> None:
    made = made_with(tmp_path, "bucket", "shared")
    assert {it["metadata"]["name"] for it in of_kind(made, "PersistentVolumeClaim")} == {"public"}
    pod = templates(made)["pipeline"]["spec"]
    assert {it["name"]: it for it in pod["volumes"]}["warehouse"] == {
        "name": "warehouse",
        "emptyDir": {"sizeLimit": "20Gi"},
    }
    (run,) = pod["containers"]
    assert {*run["args"]} == {"run", "--benepass-env=prod", "--local-scheduler"}


def test_with_files_in_a_bucket_no_volume_has_them(with_components: list[dict[str, Any]]) -> None:
    claims = {it["metadata"]["name"] for it in of_kind(with_components, "PersistentVolumeClaim")}
    assert claims == {"warehouse", "public", "exchange"}
    pod = templates(with_components)["pipeline"]["spec"]
    (run,) = pod["containers"]
    names = {it["name"] for it in pod["volumes"]}
    assert names == {it["name"] for it in run["volumeMounts"]}
    assert "incoming" not in names


def test_runs_alone_reach_databases_where_there_are_any(
    with_components: list[dict[str, Any]],
) -> None:
    policies = {it["metadata"]["name"]: it for it in of_kind(with_components, "NetworkPolicy")}
    policy = policies["pipeline-to-databases"]
    without = of_kind(manifests("prod"), "NetworkPolicy")
    known = {it["metadata"]["name"] for it in without}
    assert policies.keys() - known == {"pipeline-to-databases", "pipeline-to-spark", "spark"}
    assert policy["metadata"]["namespace"] == "benepass-prod"
    assert policy["spec"]["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "pipeline"}
    assert policy["spec"]["policyTypes"] == ["Egress"]
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    for it in with_components:
        kubernetes_validate.validate(it, KUBERNETES, strict=True)


def test_runs_alone_reach_spark_and_share_the_exchange_with_it(
    with_components: list[dict[str, Any]],
) -> None:
    policies = {
        it["metadata"]["name"]: it["spec"] for it in of_kind(with_components, "NetworkPolicy")
    }
    of_run = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "pipeline"}}}
    assert policies["spark"]["ingress"][0]["from"] == [of_run]
    assert "Egress" not in policies["spark"]["policyTypes"], (
        "it reaches what everybody does: nobody"
    )
    made = templates(with_components)
    places = {
        name: {it["name"]: it["mountPath"] for it in container["volumeMounts"]}
        for name in ("pipeline", "spark")
        for container in made[name]["spec"]["containers"]
    }
    assert places["spark"].keys() == {"exchange", "tmp"}
    assert places["spark"]["exchange"] == places["pipeline"]["exchange"], "by the same path"
    assert places["spark"]["exchange"] == str(HOME / PurePosixPath("data/exchange"))
