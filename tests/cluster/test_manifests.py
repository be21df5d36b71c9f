"""The files of docs/cluster fit the schemas of what reads them."""

import copy
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from results.record.provenance import root
from scripts import check_manifests
from scripts.check_manifests import FOLDER, check_configuration, check_job, documents, reduced


@pytest.mark.parametrize("name", check_manifests.CONFIGURATIONS)
def test_ray_up_takes_our_configurations_and_no_misspelt_field(name: str) -> None:
    (config,) = documents(FOLDER / name)
    check_configuration(config)
    config["setup_command"] = []
    with pytest.raises(jsonschema.ValidationError, match="setup_command"):
        check_configuration(config)


def test_the_manifest_of_kubernetes_fits_and_a_misspelt_missing_or_wrong_field_does_not() -> None:
    job, claim = documents(FOLDER / "rayjob.yaml")
    schema = reduced()
    check_job(job, schema)
    spec = job["spec"]["rayClusterSpec"]
    volumes = spec["headGroupSpec"]["template"]["spec"]["volumes"]
    assert volumes[0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]

    def changed(*path: str | int, value: Any = None) -> dict[str, Any]:
        other: Any = copy.deepcopy(job)
        node = other["spec"]
        for word in path[:-1]:
            node = node[word]
        if value is None:
            del node[path[-1]]
        else:
            node[path[-1]] = value
        return other

    group = ("rayClusterSpec", "workerGroupSpecs", 0)
    for wrong in (
        changed("entryPoint", value="gatewright"),
        changed("backoffLimit", value="5"),
        changed("rayClusterSpec", "authOptions", "mode", value="tokens"),
        changed("rayClusterSpec", "headGroupSpec"),
        changed(*group, "groupName"),
        changed(*group, "replica", value=4),
        changed(
            *group, "template", "spec", "containers", 0, "resources", "limits", "cpu", value=1.5
        ),
    ):
        with pytest.raises(jsonschema.ValidationError):
            check_job(wrong, schema)


def test_the_reduced_fields_are_compared_with_a_definition_of_kuberay(tmp_path: Path) -> None:
    full = reduced()
    told = len(check_manifests.fields())
    assert check_manifests.check_reduction(full) == told
    full["properties"]["spec"]["properties"]["backoffLimit"]["type"] = "string"
    with pytest.raises(ValueError, match=r"spec\.backoffLimit"):
        check_manifests.check_reduction(full)


def test_every_node_has_the_rays_version_of_the_lock_and_the_health_check_of_the_page() -> None:
    lock = (root() / "requirements.lock").read_text(encoding="utf-8")
    version = re.search(r"^ray==(\S+)", lock, re.MULTILINE)
    assert version
    job = documents(FOLDER / "rayjob.yaml")[0]
    assert job["spec"]["rayClusterSpec"]["rayVersion"] == version[1]
    page = (root() / "docs" / "cluster.md").read_text(encoding="utf-8")
    for name, value in (
        ("RAY_health_check_period_ms", "2000"),
        ("RAY_health_check_timeout_ms", "3000"),
        ("RAY_health_check_failure_threshold", "3"),
    ):
        assert f"{name}={value}" in page
        for file in ("aws.yaml", "machines.yaml", "slurm.sh"):
            assert f"{name}={value}" in (FOLDER / file).read_text(encoding="utf-8")
        assert f'{{name: {name}, value: "{value}"}}' in (FOLDER / "rayjob.yaml").read_text()


def test_the_script_for_slurm_is_bash() -> None:
    path = FOLDER / "slurm.sh"
    subprocess.run(["bash", "-n", str(path)], check=True)
    assert os.access(path, os.X_OK)
    shellcheck = shutil.which("shellcheck")
    if shellcheck:
        subprocess.run([shellcheck, str(path)], check=True)
