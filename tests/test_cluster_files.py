"""The files that a cluster is made with: the image, the launcher's cluster, Kubernetes' job."""

import copy
import re
import shlex
from platform.cli.flags import sweep_parser

import pytest
import yaml
from conftest import ROOT

CLUSTER = ROOT / ".cluster" / "ray-cluster.yaml"
JOB = ROOT / ".cluster" / "rayjob.yaml"
IMAGE = "coupled-diffusion:latest"


def _release(package):
    """A package's release in constraints.txt."""
    (release,) = re.findall(rf"^{package}==(.*)$", (ROOT / "constraints.txt").read_text(), re.M)
    return release


def _job():
    return list(yaml.safe_load_all(JOB.read_text()))


def test_the_cluster_is_as_rays_schema_has_it():
    from jsonschema import ValidationError
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load(CLUSTER.read_text())
    assert config["docker"]["image"] == IMAGE
    validate_config(prepare_config(copy.deepcopy(config)))
    with pytest.raises(ValidationError):
        validate_config(prepare_config(config | {"provder": {}}))
    words = shlex.split(" ".join(config["docker"]["run_options"]))
    assert "RAY_AUTH_MODE=token" in words and "/shared:/storage" in words


def test_the_job_is_as_the_operator_takes_it():
    claim, job = _job()
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    spec = job["spec"]
    assert set(spec) == {
        "entrypoint", "submissionMode", "backoffLimit", "shutdownAfterJobFinishes",
        "ttlSecondsAfterFinished", "runtimeEnvYAML", "submitterPodTemplate", "rayClusterSpec",
    }  # fmt: skip
    assert spec["submissionMode"] == "K8sJobMode" and isinstance(spec["backoffLimit"], int)
    cluster = spec["rayClusterSpec"]
    assert cluster["rayVersion"] == _release("ray") and cluster["authOptions"] == {"mode": "token"}
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        pod = group["template"]["spec"]
        (container,) = pod["containers"]
        assert container["image"] == IMAGE and {"requests", "limits"} <= set(container["resources"])
        (mount,) = container["volumeMounts"]
        (volume,) = pod["volumes"]
        assert mount["mountPath"] == "/storage" and mount["name"] == volume["name"]
        assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    (workers,) = cluster["workerGroupSpecs"]
    assert workers["replicas"] == workers["minReplicas"] == workers["maxReplicas"] > 1
    (submitter,) = spec["submitterPodTemplate"]["spec"]["containers"]
    assert submitter["image"] == IMAGE
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


def test_the_job_runs_a_sweep_that_there_is():
    spec = _job()[1]["spec"]
    python, option, module, *words = shlex.split(spec["entrypoint"])
    assert (python, option, module) == ("python", "-m", "platform.sweep")
    assert sweep_parser().parse_args(words).storage == "/storage"
    (home,) = re.findall(r"^WORKDIR (/home.*)$", (ROOT / "Dockerfile").read_text(), re.M)
    assert yaml.safe_load(spec["runtimeEnvYAML"]) == {"working_dir": home}


def test_the_image_has_what_the_lock_and_a_sweep_have():
    """Docker itself is not asked: of its file, what could go stale."""
    text = (ROOT / "Dockerfile").read_text()
    assert "-c constraints.txt '.[cluster,s3]'" in text
    assert {line for line in text.splitlines() if line.startswith("FROM")} == {
        "FROM python:3.11-slim-bookworm AS packages", "FROM python:3.11-slim-bookworm",
    }  # fmt: skip
    assert re.findall(r"^USER (.*)$", text, re.M) == ["ray"]
    copied = [
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"
    ]
    assert {"platform", "trainables", "search_spaces", "dashboards", "pyproject.toml"} < set(copied)
    assert all((ROOT / name).exists() for name in copied)
