"""The parts of Ray itself die under a search: it ends soon, with one message, and nothing is lost."""

import signal
from pathlib import Path

import pytest

from tests.faults import deaths, machines


@pytest.mark.parametrize(
    ("program", "number"),
    [
        ("gcs_server", signal.SIGKILL),
        pytest.param("raylet", signal.SIGKILL, marks=pytest.mark.slow),
        pytest.param("gcs_server", signal.SIGSTOP, marks=pytest.mark.slow),
    ],
)
def test_the_death_of_a_part_of_ray_ends_the_search_with_the_command_that_goes_on(
    tmp_path: Path, program: str, number: signal.Signals
) -> None:
    print(deaths.own(tmp_path, program, number))


@pytest.mark.slow
@pytest.mark.parametrize("victim", ["gcs_server", "raylet", "head"])
def test_the_death_of_what_a_joined_cluster_cannot_do_without_ends_the_search_with_that_command(
    tmp_path: Path, victim: str
) -> None:
    print(deaths.joined(tmp_path, victim))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_the_trials_of_a_machine_that_is_killed_or_frozen_go_elsewhere_and_the_search_goes_on(
    tmp_path: Path, number: signal.Signals
) -> None:
    death = deaths.joined(tmp_path, "second", number)
    assert death.ending == "recovery"
    assert death.seconds < deaths.LIMIT


@pytest.mark.slow
@pytest.mark.parametrize("cut_off", ["second", "head"])
def test_a_network_partition_costs_only_the_machines_beyond_it(
    tmp_path: Path, cut_off: str
) -> None:
    if not machines.has_namespaces():
        pytest.skip("network namespaces cannot be made here: that takes root")
    print(deaths.partitioned(tmp_path, cut_off))
