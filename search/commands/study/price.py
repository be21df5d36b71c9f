"""The option `--dry-run`: what studies would cost, and nothing is run."""

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.console import DONE, hours, progress, show, table

if TYPE_CHECKING:
    from results.record.store import Store
    from results.record.study import Study
    from search.run.price import Timings, Told


def price(plans: "Sequence[Study]", path: Path, chosen_executor: str | None, json: bool) -> int:
    """Prints trials and time of studies that are run one after another, and runs nothing.

    Args:
        plans: the studies.
        path: of the store of the run, whether or not it is there: its rates are taken from it.
        chosen_executor: as given on the command line; None for the one that the run would take.
        json: print one document.
    """
    from cells.engine.training import determinism
    from results.record.store import Store
    from search.run.executor import executor_of
    from search.run.price import Timings

    with Store.read(path) if _holds(path) else nullcontext() as record:
        timings: dict[str, Timings] = {}
        documents: list[dict[str, Any]] = []
        for number, plan in enumerate(plans, 1):
            executor = executor_of(chosen_executor, [record] if record else [], plan.id)
            determinism.prepare(executor)
            known = timings.setdefault(executor, Timings(executor))
            with progress(f"timing {number} of {len(plans)}: {plan.name}", json) as told:
                documents.append(_priced(plan, known, record, told))
    total = {
        key: sum(document[key] for document in documents)
        for key in ("trials", "most_trials", "core_hours")
    }
    document = documents[0] if len(documents) == 1 else {"parts": documents, **total}

    def render() -> None:
        for plan, document in zip(plans, documents, strict=True):
            _print_price(plan, document)
        if len(plans) > 1:
            print(
                f"together about {total['trials']:,.0f} trials and {hours(total['core_hours'], 'core-')}"
            )

    show(document, json, render)
    return DONE


def _holds(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


def _priced(
    plan: "Study", timings: "Timings", record: "Store | None", told: "Told"
) -> dict[str, Any]:
    from search.run import price as pricing
    from search.run import rates as known

    rates = (known.measured(record, plan) if record else None) or known.assumed(plan)
    quote = pricing.price(plan, timings, rates, told)
    priced = quote.estimate
    return {
        "study": plan.name,
        "id": plan.id,
        "loads": [
            {**dataclasses.asdict(load), "core_hours": load.expected * load.seconds / 3600}
            for load in priced.loads
        ],
        "trials": priced.trials,
        "most_trials": priced.most_trials,
        "updates": priced.updates,
        "core_hours": priced.core_hours,
        "most_core_hours": priced.most_core_hours,
        "hours": priced.hours,
        "executor": timings.executor,
        "rates": {
            "screen": rates.screen,
            "stages": list(rates.stages),
            "spent": {str(role): share for role, share in rates.spent.items()},
            "source": rates.source,
        },
        "absent": list(quote.absent),
    }


def _print_price(plan: "Study", priced: Mapping[str, Any]) -> None:
    print(
        f"study {plan.name} ({plan.strategy}): {plan.proposals:,} proposals, seed {plan.seed}, lag {plan.lag}. Nothing is run."
    )
    table(
        ("role", "task", "scale", "trials", "at most", "updates each", "core-hours"),
        [
            (
                str(load["role"]),
                load["task"],
                load["scale"],
                round(load["expected"], 1),
                load["most"],
                load["updates"],
                load["core_hours"],
            )
            for load in priced["loads"]
            if load["most"]
        ],
    )
    print(
        f"about {priced['trials']:,.0f} trials and {hours(priced['core_hours'], 'core-')}:"
        f" {hours(priced['hours'])} on {plan.slots} cores"
    )
    print(
        f"at most {priced['most_trials']:,} trials and {hours(priced['most_core_hours'], 'core-')}"
    )
    if plan.proposals:
        rates = priced["rates"]
        stages = ", ".join(f"{share:.0%}" for share in rates["stages"])
        print(
            f"{rates['screen']:.0%} of new cells pass the screen, and then {stages} of the rest a task:"
            f" {rates['source']}"
        )
    print(
        "seconds are processor time: a few updates and windows of each cell on each task, timed here"
        f" now with the {priced['executor']} executor"
    )
    if priced["absent"]:
        print(
            "not on this machine, priced from the study's own numbers without validation and test:"
            f" {', '.join(priced['absent'])}"
        )
