"""One start of a study: store, executor, pool and strategy put together, and run to the end."""

from collections.abc import Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

from cells.engine import executor as executors
from results.publishing import publication
from results.record import provenance
from results.record.store import Store
from results.record.study import Study
from search.error import StoppedError
from search.progress import Observer, Silent
from search.run import driver, evaluate, handshake, resume
from search.run.clock import Monotonic
from search.run.driver import Summary
from search.run.estimate import tasks_of
from search.run.executor import executor_of
from search.run.guards.apart import Apart
from search.run.guards.guard import Expectation, Guard, Guards
from search.run.handshake import Needs
from search.run.pool import LocalPool, Pool
from search.run.reuse import Reuse
from search.strategies import registry as strategies
from tasks import registry
from tasks.task import Facts


class Watcher(Protocol):
    """Told what happens before the driver starts, and whom the driver tells the rest."""

    def note(self, message: str) -> None:
        """Something that a person wants to know."""
        ...

    def observe(
        self, study: Study, facts: Iterable[Facts], slots: int, turned: Mapping[str, int]
    ) -> AbstractContextManager[Observer]:
        """What observes the driver while it runs.

        Args:
            study: what is run.
            facts: of its tasks.
            slots: trials that can run at once.
            turned: cells turned away in earlier starts, by cause.
        """
        ...


class Unwatched:
    """A watcher that shows nothing."""

    def note(self, message: str) -> None:
        """Nothing."""

    def observe(
        self, study: Study, facts: Iterable[Facts], slots: int, turned: Mapping[str, int]
    ) -> AbstractContextManager[Observer]:
        """An observer that does nothing."""
        return nullcontext(Silent())


def conduct(
    plan: Study,
    path: Path,
    *,
    workers: int | None = None,
    address: str | None = None,
    executor: str | None = None,
    command: str = "",
    watcher: Watcher | None = None,
    reuse: Path | None = None,
    guards: Guards | None = Guards(),  # noqa: B008 - frozen
) -> Summary:
    """Runs or resumes a study: in process, on Ray workers of our own, or on a cluster.

    Args:
        plan: what to run; what the store holds of it goes on under its stored description.
        path: of the store; what it holds is not run again.
        workers: Ray workers; 0 or None with no `address` runs in this process.
        address: of a running Ray cluster.
        executor: of every trial; None for the one that the study began with, else the best here.
        command: the command line that runs it, for the record.
        watcher: shows what happens; None shows nothing.
        reuse: another record, whose outcomes are taken over by key; see `search.run.reuse`.
        guards: how long trials may take, and how much memory, beside their budgets; None for no guards.

    Raises:
        StoppedError: interrupted; what was recorded is kept.
        GatewrightError: whether the same call can go on later is in its `resumable`.
    """
    watcher = watcher or Unwatched()
    facts = {(name, scale): registry.load(name, scale).facts for name, scale in tasks_of(plan)}
    fresh = not path.exists()
    try:
        with Store.create_or_open(path) as record, _opened(reuse) as other:
            plan = resume.recorded_study(plan, record)
            if other is not None and plan.id not in {row.id for row in record.studies()}:
                plan = resume.recorded_study(plan, other)
            resume.check_engine(record, plan.id)
            if not fresh and plan.id not in {row.id for row in record.studies()}:
                watcher.note(f"{path} does not hold this study yet; it is begun beside the others")
            sources = (record,) if other is None else (record, other)
            chosen = executor_of(executor, sources, plan.id)
            needs = handshake.needs(chosen, facts.values())
            pool = _pool(workers, address, chosen, needs, watcher)
            try:
                turned = _turned(record, plan.id)
                with watcher.observe(plan, facts.values(), pool.slots, turned) as observer:
                    summary = driver.run(
                        plan,
                        record,
                        pool,
                        strategies.make(plan, facts, chosen),
                        observer,
                        Monotonic(),
                        facts.values(),
                        provenance.collect() | executors.describe(chosen) | {"command": command},
                        Reuse(other, reuse) if other is not None and reuse is not None else None,
                        _guard(guards, plan, facts.values(), chosen),
                    )
            finally:
                pool.close()
    except KeyboardInterrupt:  # outside of the driver, which takes signals itself
        raise StoppedError("nothing is lost") from None
    if summary.interrupted:
        recorded = f"{summary.asks:,} ask{'' if summary.asks == 1 else 's'} recorded"
        raise StoppedError(f"{recorded}, nothing is lost")
    return summary


@contextmanager
def _opened(path: Path | None) -> Generator[Store | None]:
    """A record for reading, or None where there is none to be read."""
    if path is None:
        yield None
        return
    with publication.open_record(path) as record:
        yield record


def _guard(
    guards: Guards | None, plan: Study, facts: Iterable[Facts], executor: str
) -> Guard | None:
    if guards is None:
        return None
    return Guard(guards, Expectation(plan, facts, executor, guards.factor))


def _pool(
    workers: int | None, address: str | None, executor: str, needs: Needs, watcher: Watcher
) -> Pool:
    if address is None and not workers:
        handshake.require(needs)
        evaluate.prepare_process(executor)
        return LocalPool(evaluate.evaluate, Apart())
    from search.run.ray_pool import RayPool  # loads Ray

    watcher.note("starting Ray" if address is None else f"joining Ray at {address}")
    return RayPool(workers, address, evaluate.evaluate, needs=needs, note=watcher.note)


def _turned(record: Store, study_id: str) -> dict[str, int]:
    """Cells that were turned away, by cause."""
    return {
        str(cause): int(count)
        for cause, count in record.select(
            "SELECT cause, count(*) FROM rejection WHERE study_id = ? GROUP BY cause", study_id
        )
    }
