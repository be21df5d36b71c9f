"""Writes the kept store of the current version: `python tests/results/assets/make.py`.

Run once, when a version is released; `test_migrate.py` opens every kept file ever after.
"""

import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

from results.record.file.lock import beside
from results.record.file.migrate import VERSION
from results.record.history import digest
from results.record.strike import Blame, Kind, Strike
from results.record.study import Confirm
from tests.results import synthetic


def main() -> None:
    path = Path(__file__).with_name(f"version-{VERSION}.gate")
    path.unlink(missing_ok=True)
    small = replace(synthetic.study(), proposals=2, baseline_settings=1, confirm=Confirm(0, 1))
    store, study = synthetic.write(path, small)
    store.add_strike(study.id, Strike(0, 1, Kind.DIED, Blame.CELL, "alpha", "0", "killed"))
    path.with_suffix(".digest").write_text(digest(store, study.id) + "\n", encoding="ascii")
    store.close()
    beside(path).unlink()
    print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
