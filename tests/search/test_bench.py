"""The measuring function of `gatewright bench cells`."""

from search.bench import bench_cells


def test_the_figures_of_the_language_have_their_keys():
    figures = bench_cells(0.02)
    assert set(figures) == {"mutations_per_s", "canonical_per_s", "parse_per_s"}
    assert all(figure > 0 for figure in figures.values())
