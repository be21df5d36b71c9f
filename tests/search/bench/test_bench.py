"""The measuring functions of `gatewright bench`."""

from search.bench.throughput import bench_cells, bench_driver


def test_the_figures_of_the_language_have_their_keys():
    figures = bench_cells(0.02)
    assert set(figures) == {"mutations_per_s", "canonical_per_s", "parse_per_s"}
    assert all(figure > 0 for figure in figures.values())


def test_the_driver_is_measured_on_a_whole_study() -> None:
    figures = bench_driver(20)
    assert figures["asks_per_s"] >= figures["trials_per_s"] > 0
