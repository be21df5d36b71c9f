"""Runs the steps of docs/cluster/Containerfile as a script in a fresh folder, without a container.

usage: python scripts/run_containerfile.py [FOLDER]

COPY copies, RUN runs, ENV and WORKDIR hold for what follows, CMD is run last. Only the packages of the system
are not installed: the programs that they bring must be here. Installs all packages, which takes minutes and
some gigabytes; FOLDER is kept if it is named. Exits with the code of the first step that fails.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
FILE: Final = ROOT / "docs" / "cluster" / "Containerfile"
PROGRAMS: Final = ("gcc",)
"""What later steps need of the packages of the system."""


def steps(text: str) -> list[tuple[str, str]]:
    """Instruction and argument of every step."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, argument) for name, _, argument in (line.partition(" ") for line in lines)]


def build(folder: Path) -> int:
    """Runs all steps below `folder`; returns the exit code of the first that fails, or 0."""
    here = folder
    variables = {"PATH": f"{Path(sys.base_prefix) / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    kept = {name: os.environ[name] for name in os.environ if name.startswith(("PIP_", "SSL_"))}
    variables |= kept | {"HOME": str(folder), "LANG": "C.UTF-8"}
    # The PYTHON of the image; an environment that this script runs in must not be found.
    variables["PYTHON"] = os.environ.get("PYTHON", str(Path(sys.base_prefix) / "bin" / "python3"))
    for name, argument in steps(FILE.read_text(encoding="utf-8")):
        print(f"{name} {argument}", flush=True)
        began = time.monotonic()
        match name:
            case "FROM":
                continue
            case "WORKDIR":
                here = folder / argument.lstrip("/")
                here.mkdir(parents=True)
                continue
            case "COPY":
                *sources, target = argument.split()
                copy(sources, here / target)
                continue
            case "ENV":
                key, _, value = argument.partition("=")
                workdir = "/" + str(here.relative_to(folder))
                variables[key] = value.replace(workdir, str(here))
                continue
            case "RUN":
                words = ["sh", "-c", argument]
            case "CMD":
                words = json.loads(argument)
            case _:
                raise SystemExit(f"{FILE.name}: a step that this script does not know: {name}")
        if argument.startswith("apt-get "):
            lacking = [program for program in PROGRAMS if shutil.which(program) is None]
            if lacking:
                raise SystemExit(f"not installed here: {', '.join(lacking)}")
            continue
        program = shutil.which(words[0], path=variables["PATH"]) or words[0]
        code = subprocess.run(
            [program, *words[1:]], cwd=here, env=variables, check=False
        ).returncode
        print(f"    {time.monotonic() - began:.0f} s, exit code {code}", flush=True)
        if code:
            return code
    return 0


def copy(sources: list[str], target: Path) -> None:
    """Copies as COPY does: files into a folder, and of a folder what is in it."""
    for source in (ROOT / name for name in sources):
        if source.is_dir():
            shutil.copytree(
                source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
            )
        elif len(sources) > 1 or target.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def main() -> int:
    if len(sys.argv) > 1:
        folder = Path(sys.argv[1]).absolute()
        if folder.exists():
            raise SystemExit(f"{folder}: is there already; shell: rm -r {shlex.quote(str(folder))}")
        folder.mkdir(parents=True)
        return build(folder)
    with tempfile.TemporaryDirectory(prefix="container-") as name:
        return build(Path(name))


if __name__ == "__main__":
    sys.exit(main())
