"""The option `--dry-run`: what studies would cost, and nothing is run."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from search.console import DONE, hours, show, table

if TYPE_CHECKING:
    from results.record.study import Study
    from search.run.cost import Cost


def price(plans: "Sequence[Study]", json: bool) -> int:
    """Prints trials and time of studies that are run one after another, and runs nothing."""
    from cells.engine.training import determinism
    from search.run.cost import measure
    from search.run.executor import executor_of

    chosen = executor_of(None)
    determinism.prepare(chosen)
    cost = measure(chosen)
    documents = [_priced(plan, cost) for plan in plans]
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


def _priced(plan: "Study", cost: "Cost") -> dict[str, Any]:
    from search.run import price as pricing

    quote = pricing.price(plan, cost)
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
        "pass_screen": priced.pass_screen,
        "pass_stage": priced.pass_stage,
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
    assumed = (
        f"{priced['pass_screen']:.0%} of new cells pass the screen and {priced['pass_stage']:.0%} of the rest each task; "
        if plan.proposals
        else ""
    )
    print(f"assumed: {assumed}seconds an update are measured on this machine now")
    if priced["absent"]:
        print(
            f"not on this machine, priced from the study's own numbers: {', '.join(priced['absent'])}"
        )
