"""Checks the files of docs/cluster against the schemas of Ray and KubeRay.

usage: python scripts/check_manifests.py [--kuberay FILE]

FILE is KubeRay's definition of a RayJob, ray-operator/config/crd/bases/ray.io_rayjobs.yaml of
https://github.com/ray-project/kuberay (Apache-2.0, more than a megabyte, so it is not kept here). With
it the manifest is held against all of it; without it, against docs/cluster/rayjob-fields.toml, which says the
type of every field that the manifest uses and is itself compared with FILE. The configurations of `ray up`
are checked by the schema and the rules of the Ray that is installed. A field that no schema knows is an
error everywhere. Prints what was checked; exits with 1 at the first error.
"""

import argparse
import json
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import jsonschema
import yaml

ROOT: Final = Path(__file__).resolve().parent.parent
FOLDER: Final = ROOT / "docs" / "cluster"
CONFIGURATIONS: Final = ("aws.yaml", "machines.yaml")
ITEM: Final = "[]"
"""Stands in a path for the items of a list, as `*` does for the values of a map."""


def documents(path: Path) -> list[dict[str, Any]]:
    """The documents of a YAML file."""
    return list(yaml.safe_load_all(path.read_text(encoding="utf-8")))


def check_configuration(config: Mapping[str, Any]) -> None:
    """Raises jsonschema.ValidationError, RuntimeError or ValueError unless `ray up` takes a configuration."""
    from ray.autoscaler._private import util

    # First as it stands: what Ray fills in must not hide a field that is missing or unknown.
    schema = Path(util.__file__).parents[1] / "ray-schema.json"
    jsonschema.validate(config, json.loads(schema.read_text(encoding="utf-8")))
    util.validate_config(cast("Any", util).prepare_config(dict(config)))


def strict(schema: Any) -> Any:
    """A schema of Kubernetes as JSON Schema in which a field that is not told of is an error."""
    if isinstance(schema, list):
        return [strict(part) for part in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    told = {key: strict(value) for key, value in cast("dict[str, Any]", schema).items()}
    if "properties" in told and not told.get("x-kubernetes-preserve-unknown-fields"):
        told.setdefault("additionalProperties", False)
    return told


def published(path: Path) -> Any:
    """The schema of a RayJob in KubeRay's definition, as it stands."""
    (definition,) = documents(path)
    (version,) = (v for v in definition["spec"]["versions"] if v["name"] == "v1")
    return version["schema"]["openAPIV3Schema"]


def fields() -> dict[str, Any]:
    """The type of every field that our manifest uses, by its path."""
    return _told()["fields"]


def reduced() -> dict[str, Any]:
    """The schema of the fields that our manifest uses, from `rayjob-fields.toml`."""
    told = _told()
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    for path, kind in told["fields"].items():
        node = schema
        for word in _words(path):
            if word == ITEM:
                node = node.setdefault("items", {})
            elif word == "*":
                node = node.setdefault("additionalProperties", {})
            else:
                node = node.setdefault("properties", {}).setdefault(word, {})
        node.update(kind if isinstance(kind, dict) else _typed(kind))
    for path, names in told["required"].items():
        at(schema, path)["required"] = names
    return schema


def at(schema: Any, path: str) -> Any:
    """The part of a schema that describes a path. Raises KeyError if there is none."""
    for word in _words(path):
        if word == ITEM:
            schema = schema["items"]
        elif word == "*":
            schema = schema["additionalProperties"]
        else:
            schema = schema["properties"][word]
    return schema


def check_reduction(full: Any) -> int:
    """Compares `rayjob-fields.toml` with KubeRay's own definition; returns the number of fields.

    Raises:
        ValueError: a field has another type there, or other fields are required.
    """
    told = _told()
    for path, kind in told["fields"].items():
        theirs = at(full, path)
        for key, value in (kind if isinstance(kind, dict) else _typed(kind)).items():
            if key == "anyOf" and theirs.get("x-kubernetes-int-or-string"):
                continue
            if theirs.get(key) != value:
                raise ValueError(f"{path}: {key} {value!r} here, {theirs.get(key)!r} of KubeRay")
    for path, names in told["required"].items():
        if sorted(at(full, path).get("required", [])) != sorted(names):
            raise ValueError(f"{path}: KubeRay requires {at(full, path).get('required')}")
    return len(told["fields"])


def check_job(job: Mapping[str, Any], schema: Any) -> None:
    """Raises jsonschema.ValidationError unless a RayJob fits a schema and no field is unknown."""
    jsonschema.validate(job, strict(schema))


def _told() -> dict[str, Any]:
    return tomllib.loads((FOLDER / "rayjob-fields.toml").read_text(encoding="utf-8"))


def _typed(kind: str) -> dict[str, Any]:
    if kind == "integer or string":
        return {"anyOf": [{"type": "integer"}, {"type": "string"}]}
    return {"type": kind}


def _words(path: str) -> list[str]:
    return [word for word in path.replace(ITEM, f".{ITEM}").split(".") if word]


def main() -> int:
    parser = argparse.ArgumentParser(description="The files of docs/cluster and their schemas.")
    parser.add_argument("--kuberay", type=Path, metavar="FILE", help="KubeRay's definition")
    options = parser.parse_args()
    try:
        for name in CONFIGURATIONS:
            (config,) = documents(FOLDER / name)
            check_configuration(config)
            print(f"{name}: fits the schema of Ray")
        job, *_ = documents(FOLDER / "rayjob.yaml")
        check_job(job, reduced())
        print("rayjob.yaml: fits rayjob-fields.toml")
        if options.kuberay is not None:
            full = published(options.kuberay)
            check_job(job, full)
            print("rayjob.yaml: fits KubeRay's definition")
            count = check_reduction(full)
            print(f"rayjob-fields.toml: {count} fields, all as KubeRay has them")
    except (jsonschema.ValidationError, RuntimeError, ValueError, KeyError) as error:
        print(f"WRONG: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
