"""How symbols can fall on an alphabet, whatever their names: what levels are summed over."""

from collections import Counter
from collections.abc import Iterator
from math import factorial, log, prod

from tasks.task import Floor


def partitions(total: int, parts: int, most: int | None = None) -> Iterator[tuple[int, ...]]:
    """Falling counts of `parts` symbols that sum to `total`, each once, none above `most`."""
    if parts == 0:
        if total == 0:
            yield ()
        return
    bound = total if most is None else min(total, most)
    for head in range(bound, -1, -1):
        if head * parts < total:
            return
        for rest in partitions(total - head, parts - 1, head):
            yield (head, *rest)


def compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """Counts of `parts` symbols that sum to `total`, in every arrangement."""
    if parts == 1:
        yield (total,)
        return
    for head in range(total, -1, -1):
        for rest in compositions(total - head, parts - 1):
            yield (head, *rest)


def arrangements(counts: tuple[int, ...]) -> int:
    """In how many ways these counts can be given to as many symbols with names."""
    return factorial(len(counts)) // prod(map(factorial, Counter(counts).values()))


def orders(counts: tuple[int, ...]) -> int:
    """In how many orders symbols of these counts can come."""
    return factorial(sum(counts)) // prod(map(factorial, counts))


def unordered(name: str, count: int, alphabet: int) -> Floor:
    """The level of who knows `count` fair symbols of an alphabet, but which of them is asked for not."""
    ways = right = 0
    loss = 0.0
    for counts in partitions(count, alphabet):
        weight = arrangements(counts) * orders(counts)
        ways += weight
        right += weight * counts[0]
        loss += weight * sum(k / count * log(count / k) for k in counts if k)
    return Floor(name, loss=loss / ways, accuracy=right / ways / count)


def remembered(count: int, alphabet: int, unknown: str) -> tuple[Floor, ...]:
    """Levels of `count` fair symbols that are all asked for once, from all of them to none.

    Args:
        count: how many symbols.
        alphabet: how many different ones.
        unknown: what is not known where only the symbols are: `order` or `places`.
    """
    partial = sorted({count // 2, count - 1} - {0}, reverse=True)
    return (
        Floor("optimum", loss=0.0, accuracy=1.0),
        *(
            Floor(
                f"{kept} of the {count} symbols",
                loss=log(alphabet) * (count - kept) / count,
                accuracy=(kept + (count - kept) / alphabet) / count,
            )
            for kept in partial
        ),
        unordered(f"the symbols, not their {unknown}", count, alphabet),
        Floor("no memory", loss=log(alphabet), accuracy=1 / alphabet),
    )
