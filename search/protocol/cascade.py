"""The cascade that all strategies share: screen, task by task against the GRU, the list, confirmation.

Many cells are under way at once, each at its own place. Trainings are asked first come, first served;
a new step of the search is taken only when nothing that was begun can go on.

Source: Jozefowicz, Zaremba, Sutskever 2015, section 3.1.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cells.cell import Cell
from cells.error import CellError
from cells.identity.canonical import identify
from cells.seed import study_generator, study_seed
from cells.text.printer import to_text
from cells.training.metric import ACCURACY
from cells.training.setting import Setting
from results.record.ask import Ask, Cause, Rejection, Role
from results.record.outcome import Ending, Outcome
from results.record.study import Study
from results.record.trial import ENGINE, Trial
from search.error import SearchError
from search.protocol import reason
from search.protocol.candidate import Candidate, Tries
from search.protocol.reason import Reason
from search.protocol.score import best, ratio, score, value
from search.settings import sampler
from search.strategies.source import Source
from tasks.task import Facts

FactsTable = Mapping[tuple[str, str], Facts]
"""Facts of each task by name and scale."""

ATTEMPTS: Final = 1000
"""Attempts at a new cell in one ask before the search waits for results, or ends if none is due."""

SCREEN: Final = -1
"""Place of the screen, before the tasks 0, 1, ..."""


@dataclass(frozen=True, slots=True)
class Work:
    """One training to be asked. Its setting is drawn when it is asked, unless it is fixed here."""

    role: Role
    candidate: Candidate
    place: int
    setting: Setting | None = None
    repeat: int = 0


class Cascade:
    """The state machine; a `search.strategies.strategy.Strategy`.

    Args:
        study: what to search.
        facts: of the screen and of every task of the study.
        source: where new cells come from.
        baselines: cells that the list starts with, LSTM and GRU; the last is the yardstick.
        executor, engine, dtype: passed on to every trial.
    """

    def __init__(
        self,
        study: Study,
        facts: FactsTable,
        source: Source,
        baselines: Sequence[Cell],
        executor: str = "reference",
        engine: int = ENGINE,
        dtype: str = "float32",
    ) -> None:
        self._study = study
        self._source = source
        self._executor, self._engine, self._dtype = executor, engine, dtype
        self._shared = study.strategy == "roster"
        self._facts = [_facts(facts, plan.name, plan.scale) for plan in study.tasks]
        self._screen = _facts(facts, study.screen.task, study.screen.scale)
        self._baselines = [self._candidate(cell, "", ()) for cell in baselines]
        # Of thousands of cells that are turned away nothing is kept but that they were proposed.
        self._known = {int(candidate.cell_id, 16) for candidate in self._baselines}
        self._gru = self._baselines[-1]
        self._list = list(self._baselines)
        self._failed: list[Candidate] = []
        self._proposed = 0
        self._confirming = False
        self._asked, self._told = 0, 0
        self._running: dict[int, tuple[Work, Setting] | None] = {}
        self._rejections: list[Rejection] = []
        self._admissions: list[str] = []
        self._queue = deque(
            Work(Role.BASELINE, candidate, index)
            for index in range(len(study.tasks))
            for _ in range(study.baseline_settings)
            for candidate in self._baselines
        )

    @property
    def members(self) -> Sequence[Candidate]:
        """The list, in the order of admission."""
        return tuple(self._list)

    def ask(self, index: int) -> Ask | None:
        """See `search.strategies.strategy.Strategy`. Raises SearchError when called out of turn."""
        if index != self._asked or self._told != max(0, index - self._study.lag + 1):
            raise SearchError(
                "order",
                f"asked for {index} with {self._told} results, expected {self._asked} with"
                f" {max(0, self._asked - self._study.lag + 1)}",
            )
        following = self._next(index)
        waiting = any(
            running is not None and running[0].role != Role.CONFIRM
            for running in self._running.values()
        )
        if following is None and not waiting and not self._rejections and not self._admissions:
            return None
        self._asked += 1
        self._running[index] = following
        trial = None if following is None else self._trial(*following)
        work = None if following is None else following[0]
        ask = Ask(
            index=index,
            role=Role.IDLE if work is None else work.role,
            trial=trial,
            parent_id="" if work is None else work.candidate.parent_id,
            operators=() if work is None else work.candidate.operators,
            rejections=tuple(self._rejections),
            admissions=tuple(self._admissions),
        )
        self._rejections.clear()
        self._admissions.clear()
        return ask

    def tell(self, index: int, outcome: Outcome | None) -> None:
        """See `search.strategies.strategy.Strategy`. Raises SearchError when called out of turn."""
        if index != self._told or index not in self._running:
            raise SearchError("order", f"told of {index}, expected {self._told}")
        running = self._running[index]
        if (running is None) != (outcome is None):
            raise SearchError("order", f"{index} is {'' if running is None else 'not '}an idle ask")
        del self._running[index]
        self._told += 1
        if running is None or outcome is None:
            return
        work, setting = running
        if work.role == Role.CONFIRM:
            return
        if work.role == Role.SCREEN:
            self._judge_screen(work.candidate, setting, outcome)
            return
        metric = self._facts[work.place].metric
        work.candidate.tried[work.place][setting] = value(metric, outcome)
        if work.role == Role.STAGE:
            self._finish(work.candidate)

    def _next(self, index: int) -> tuple[Work, Setting] | None:
        """The next training with its setting; None if there is none before later results."""
        while True:
            if self._queue:
                work = self._queue.popleft()
            else:
                step = self._step(index)
                if step is None:
                    if self._confirm():
                        continue
                    return None
                work = step
            setting = self._setting(work, index)
            if setting is not None:
                return work, setting
            # The space is used up for this cell: it goes on with fewer settings.
            if work.role == Role.STAGE:
                self._finish(work.candidate)

    def _step(self, index: int) -> Work | None:
        """One action of the search: re-evaluate, take up a failed cell, or propose a new one."""
        study = self._study
        if self._confirming or self._proposed >= study.proposals:
            return None
        draw = study_generator(study.seed, index, "step")
        chance = draw.random()
        if chance < study.reevaluate:
            members = [member for member in self._list if self._has_untried(member)]
            if members:
                return self._reevaluate(draw.choice(members))
        elif chance < study.reevaluate + study.retry and self._failed:
            return Work(Role.SCREEN, self._failed.pop(draw.randrange(len(self._failed))), SCREEN)
        return self._propose(index)

    def _has_untried(self, member: Candidate) -> bool:
        """True for a member whose space is not used up; LSTM and GRU had their turn at the start."""
        if member in self._baselines:
            return False
        capacity = sampler.capacity(self._study.sampler, self._study.space)
        return any(len(tried) < capacity for tried in member.tried)

    def _reevaluate(self, member: Candidate) -> Work:
        self._queue.extend(
            Work(Role.REEVALUATE, member, index)
            for index, plan in enumerate(self._study.tasks)
            for _ in range(plan.settings)
        )
        return self._queue.popleft()

    def _propose(self, index: int) -> Work | None:
        """A new cell on the screen, or None if no attempt gave one."""
        for attempt in range(ATTEMPTS):
            draw = study_generator(self._study.seed, index, f"propose/{attempt}")
            proposal = self._source.propose(draw, self._list)
            parent_id, operators = proposal.parent_id, proposal.operators
            if proposal.cell is None:
                why = reason.invalid(proposal.code, proposal.values, proposal.problem)
                self._reject(Cause.INVALID, "", parent_id, operators, why)
                continue
            try:
                candidate = self._candidate(proposal.cell, parent_id, operators)
            except CellError as error:
                why = reason.invalid(error.code, error.values, error.message)
                self._reject(Cause.INVALID, "", parent_id, operators, why)
                continue
            number = int(candidate.cell_id, 16)
            if number not in self._known:
                self._known.add(number)
                candidate.parent = next(
                    (member for member in self._list if member.cell_id == parent_id), None
                )
                self._proposed += 1
                return Work(Role.SCREEN, candidate, SCREEN)
            baseline = any(candidate.cell_id == known.cell_id for known in self._baselines)
            why = reason.duplicate(baseline=baseline)
            self._reject(Cause.DUPLICATE, candidate.cell_id, parent_id, operators, why)
        return None

    def _confirm(self) -> bool:
        """Queues the last act once all is decided; True if something was queued."""
        if self._confirming or any(self._running.values()):
            return False
        self._confirming = True
        ranking = sorted(self._list, key=lambda member: -self._score(member))
        winners = [member for member in ranking if member not in self._baselines]
        chosen = winners[: self._study.confirm.cells] + self._baselines
        self._queue.extend(
            Work(Role.CONFIRM, member, index, selected[0], repeat)
            for repeat in range(self._study.confirm.seeds)
            for member in chosen
            for index, tried in enumerate(member.tried)
            if (selected := best(tried)) is not None
        )
        return bool(self._queue)

    def _judge_screen(self, candidate: Candidate, setting: Setting, outcome: Outcome) -> None:
        """Lets a cell on to the first task, or turns it away."""
        mark = self._study.screen.pass_mark
        accuracy = value(ACCURACY, outcome)
        candidate.screened[setting] = accuracy
        if accuracy >= mark:
            self._queue_stage(candidate)
            return
        if outcome.ending == Ending.REJECTED:
            self._turn_away(Cause.PROBE, candidate, reason.probe(outcome))
            return
        if self._study.retry:
            self._failed.append(candidate)
        self._turn_away(Cause.SCREEN, candidate, reason.screen(outcome, accuracy, mark))

    def _queue_stage(self, candidate: Candidate) -> None:
        index = candidate.stage
        candidate.awaited = self._study.tasks[index].settings
        self._queue.extend([Work(Role.STAGE, candidate, index)] * candidate.awaited)

    def _finish(self, candidate: Candidate) -> None:
        """Counts one training of the current stage as done, and judges the stage after the last."""
        candidate.awaited -= 1
        if candidate.awaited:
            return
        index, threshold = candidate.stage, self._study.threshold
        ratio = self._ratio(candidate, index)
        if ratio <= threshold:
            why = reason.threshold(
                ratio, threshold, self._study.tasks[index].name, self._study.baselines[-1]
            )
            self._turn_away(Cause.THRESHOLD, candidate, why)
            return
        candidate.stage += 1
        if candidate.stage < len(self._study.tasks):
            self._queue_stage(candidate)
        else:
            self._admit(candidate)

    def _admit(self, candidate: Candidate) -> None:
        """Enters a cell into the list if there is room or if it is better than the worst member."""
        candidate.parent = None
        if len(self._list) >= self._study.list_size:
            worst = min(self._list, key=self._score)
            if self._score(candidate) <= self._score(worst):
                why = reason.full_list(self._score(candidate), self._score(worst))
                self._turn_away(Cause.LIST, candidate, why)
                return
            self._list.remove(worst)
        self._list.append(candidate)
        self._admissions.append(candidate.cell_id)

    def _score(self, candidate: Candidate) -> float:
        return score(self._ratio(candidate, index) for index in range(len(self._study.tasks)))

    def _ratio(self, candidate: Candidate, index: int) -> float:
        reference = best(self._gru.tried[index])
        if reference is None:
            plan = self._study.tasks[index]
            raise SearchError(
                "baseline",
                f"none of {self._study.baseline_settings} settings of {self._study.baselines[-1]} trained"
                f" on {plan.name},"
                " so there is nothing to compare with",
                "raise baseline_settings or the task's budget, or restrict the space",
            )
        own = best(candidate.tried[index])
        if own is None:
            return 0.0
        return ratio(self._facts[index].metric, own[1], reference[1])

    def _setting(self, work: Work, index: int) -> Setting | None:
        """The setting of the training, marked as awaited; None if the space is used up."""
        if work.setting is not None:
            return work.setting
        study, candidate = self._study, work.candidate
        tried = candidate.screened if work.place == SCREEN else candidate.tried[work.place]
        setting = self._inherited(work, tried, index) if work.role == Role.STAGE else None
        if setting is None:
            # All cells of a roster get the same settings, so that they can be compared pair by pair.
            plan = study.tasks[work.place]
            number, purpose = (
                ("roster", f"setting/{plan.name}/{plan.scale}/{len(tried)}")
                if self._shared
                else (index, f"setting/{candidate.cell_id}")
            )
            seed = study_seed(study.seed, number, purpose)
            setting = sampler.propose(study.sampler, tuple(tried.items()), seed, study.space)
        if setting is not None:
            tried[setting] = None
        return setting

    def _inherited(self, work: Work, tried: Tries, index: int) -> Setting | None:
        """An untried setting from where the strategy says, or None if there is none."""
        draw = study_generator(self._study.seed, index, f"inherit/{work.candidate.cell_id}")
        parent = work.candidate.parent
        pool = self._source.inherit(draw.random(), parent, self._baselines, work.place)
        untried = [setting for setting in pool if setting not in tried]
        return draw.choice(untried) if untried else None

    def _trial(self, work: Work, setting: Setting) -> Trial:
        study, candidate, index = self._study, work.candidate, work.place
        if index == SCREEN:
            facts, plan, number = self._screen, study.screen, len(candidate.screened)
        else:
            facts, plan, number = (
                self._facts[index],
                study.tasks[index],
                len(candidate.tried[index]),
            )
        # Selection and confirmation draw from different purposes and so never share a seed.
        purpose = (
            f"confirm/{facts.name}/{facts.scale}/{work.repeat}"
            if work.role == Role.CONFIRM
            else f"select/{facts.name}/{facts.scale}/{'screen/' if index == SCREEN else ''}{number}"
        )
        return Trial(
            cell=candidate.text,
            cell_id=candidate.cell_id,
            task=facts.name,
            task_version=facts.version,
            task_digest=facts.digest,
            scale=facts.scale,
            setting=setting,
            schedule=plan.schedule,
            budget=plan.budget,
            seed=study_seed(study.seed, "roster" if self._shared else candidate.cell_id, purpose),
            stop_at=study.screen.pass_mark if index == SCREEN else None,
            executor=self._executor,
            engine=self._engine,
            dtype=self._dtype,
        )

    def _candidate(self, cell: Cell, parent_id: str, operators: tuple[str, ...]) -> Candidate:
        cell, cell_id = identify(cell)
        return Candidate(
            cell=cell,
            text=to_text(cell),
            cell_id=cell_id,
            parent_id=parent_id,
            operators=operators,
            tried=tuple(Tries() for _ in self._study.tasks),
        )

    def _turn_away(self, cause: Cause, candidate: Candidate, why: Reason) -> None:
        self._reject(cause, candidate.cell_id, candidate.parent_id, candidate.operators, why)

    def _reject(
        self, cause: Cause, cell_id: str, parent_id: str, operators: tuple[str, ...], why: Reason
    ) -> None:
        said = why.recorded(self._study.edition)
        self._rejections.append(Rejection(cause, cell_id, parent_id, operators, *said))


def _facts(facts: FactsTable, name: str, scale: str) -> Facts:
    known = facts.get((name, scale))
    if known is None:
        raise SearchError(
            "facts", f"the study needs the task {name} at scale {scale}; it was not given"
        )
    return known
