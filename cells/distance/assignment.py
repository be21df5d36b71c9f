"""The cheapest way to give each of n rows a column of its own."""


def assign(costs: list[list[int]]) -> list[int]:
    """For each row of a square table its column, such that the sum is least, in time n^3.

    Source: Kuhn 1955, Munkres 1957, by shortest augmenting paths (Jonker, Volgenant 1987).
    """
    size = len(costs)
    of_row, of_column = [0] * (size + 1), [0] * (size + 1)  # potentials; index 0 is the start
    rows = [0] * (size + 1)  # row of each column, counted from 1
    for row in range(1, size + 1):
        rows[0] = row
        column = 0
        least = [float("inf")] * (size + 1)
        way, done = [0] * (size + 1), [False] * (size + 1)
        while rows[column]:
            done[column] = True
            here, step, following = rows[column], float("inf"), 0
            for other in range(1, size + 1):
                if done[other]:
                    continue
                reduced = costs[here - 1][other - 1] - of_row[here] - of_column[other]
                if reduced < least[other]:
                    least[other], way[other] = reduced, column
                if least[other] < step:
                    step, following = least[other], other
            for other in range(size + 1):
                if done[other]:
                    of_row[rows[other]] += int(step)
                    of_column[other] -= int(step)
                else:
                    least[other] -= step
            column = following
        while column:
            rows[column] = rows[way[column]]
            column = way[column]
    columns = [0] * size
    for column in range(1, size + 1):
        columns[rows[column] - 1] = column - 1
    return columns
