"""What tests of pools wait for."""

from search.run.pool import Pool


def up(pool: Pool) -> None:
    """Waits until every slot is up and empty."""
    while pool.room < 2 * pool.slots:
        assert pool.wait(0.5) == []
