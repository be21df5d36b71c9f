"""What runs in a worker process of Ray: it shakes hands, then evaluates trials."""

import os
from collections.abc import Mapping, Sequence

from results.record.provenance import source_digest
from search.error import SearchError
from search.run import handshake, staging
from search.run.guards import limits
from search.run.guards.limits import Limits
from search.run.handshake import Needs
from search.run.pool import Evaluate
from tasks.corpora import corpus


class SlotActor:
    """What runs in a worker process.

    Args:
        evaluate: runs a trial.
        digest: of the driver's sources.
        needs: what the study needs, as JSON.
        folders: where the driver looks for corpora.
        variables: of the driver, for what the node does not set itself.
    """

    def __init__(
        self,
        evaluate: Evaluate,
        digest: str,
        needs: str = '{"data": []}',
        folders: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._evaluate = evaluate
        self._expected = digest
        self._digest = source_digest()
        self._needs = Needs.from_json(needs)
        look_for_corpora(folders)
        for name, value in (variables or {}).items():
            os.environ.setdefault(name, value)

    def hello(self) -> list[list[str]]:
        """What this process and its machine lack, each with what to do; empty where all is well."""
        if self._digest != self._expected:
            error = _other_sources(self._digest, self._expected)
            return [[error.message, error.hint]]
        return [[lack.what, lack.remedy] for lack in handshake.lacks(self._needs)]

    def evaluate(self, trial: str, bounds: str = "{}") -> list[str]:
        """The outcome as JSON; or nothing, and code, message and hint of why there is none.

        `bounds` are the limits as JSON. Raises SearchError if the sources are not the driver's.
        """
        if self._digest != self._expected:
            raise _other_sources(self._digest, self._expected)
        return limits.evaluated(self._evaluate, trial, Limits.from_json(bounds))


def look_for_corpora(folders: Sequence[str]) -> None:
    """Sets where this process looks for corpora.

    First in what was sent along with the sources; then, where the node sets GATEWRIGHT_DATA, there
    and nowhere else; where it does not, in its user's cache and in the folders of the driver.
    """
    sent = staging.sent()
    looked = [str(folder) for folder in ([sent] if sent else []) + [*corpus.folders()]]
    if not os.environ.get("GATEWRIGHT_DATA"):
        looked += folders
    os.environ["GATEWRIGHT_DATA"] = os.pathsep.join(dict.fromkeys(looked))


def _other_sources(actual: str, expected: str) -> SearchError:
    return SearchError(
        "pool.sources",
        f"a worker imported sources with digest {actual[:12]}, the driver's are {expected[:12]}",
        "look for a stray tasks.py, search.py, cells or results on the workers' PYTHONPATH",
    )
