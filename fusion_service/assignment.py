"""Which face belongs to which track: the one-to-one assignment with the highest total score."""

import math
from collections.abc import Mapping, Sequence


def assign(scores: Sequence[Mapping[int, float]]) -> list[int | None]:
    """Give each row at most one column, each column at most one row, with the highest total score.

    Args:
        scores: for each row the columns it may have, with scores above 0. Other pairs are not allowed.

    Returns:
        For each row its column, or None.

    Pairs that nobody disputes are taken at once; what is left goes through the Hungarian method
    (H. W. Kuhn, 1955, in the shortest augmenting path form of Jonker and Volgenant, 1987).
    """
    chosen: list[int | None] = [None] * len(scores)
    claims: dict[int, int] = {}
    for row in scores:
        for column in row:
            claims[column] = claims.get(column, 0) + 1
    disputed = []
    for index, row in enumerate(scores):
        if len(row) == 1 and claims[next(iter(row))] == 1:
            chosen[index] = next(iter(row))
        elif row:
            disputed.append(index)
    if disputed:
        columns = sorted({column for index in disputed for column in scores[index]})
        # Every row may also stay alone, at a score of 0: one extra column a row.
        width = len(columns) + len(disputed)
        cost = [
            [-scores[index].get(column, -math.inf) for column in columns] + [0.0] * (width - len(columns))
            for index in disputed
        ]
        for index, place in zip(disputed, _hungarian(cost), strict=True):
            chosen[index] = columns[place] if place < len(columns) else None
    return chosen


def _hungarian(cost: list[list[float]]) -> list[int]:  # noqa: C901 - one algorithm, best read whole
    """Column of each row at the lowest total cost; `inf` where not allowed, no more rows than columns."""
    rows, width = len(cost), len(cost[0])
    row_price = [0.0] * (rows + 1)
    column_price = [0.0] * (width + 1)
    owner = [0] * (width + 1)  # row (from 1) that holds each column (from 1); 0 = free
    for row in range(1, rows + 1):
        owner[0] = row
        column = 0
        shortest = [math.inf] * (width + 1)
        back = [0] * (width + 1)
        visited = [False] * (width + 1)
        while owner[column] != 0:
            visited[column] = True
            current, step, following = owner[column], math.inf, 0
            for other in range(1, width + 1):
                if visited[other]:
                    continue
                reduced = cost[current - 1][other - 1] - row_price[current] - column_price[other]
                if reduced < shortest[other]:
                    shortest[other], back[other] = reduced, column
                if shortest[other] < step:
                    step, following = shortest[other], other
            for other in range(width + 1):
                if visited[other]:
                    row_price[owner[other]] += step
                    column_price[other] -= step
                else:
                    shortest[other] -= step
            column = following
        while column:
            owner[column] = owner[back[column]]
            column = back[column]
    places = [0] * rows
    for column in range(1, width + 1):
        if owner[column]:
            places[owner[column] - 1] = column - 1
    return places
