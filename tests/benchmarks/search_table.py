"""The table that the search benchmark prints, and the limits that its ratios are held to."""

from __future__ import annotations

import msgspec

from tests.benchmarks.search_classes import ENGINE, RANKED
from tests.benchmarks.search_costs import Cost
from tests.benchmarks.search_http import request_class

MOST_GROWTH = 3.0  # of the database's CPU from the smallest to the largest catalogue
MAY_GROW = {
    # orders whose stretches a sample has to tell; the smallest catalogue is walked through in no time
    "broad term by name": 10.0,
    "broad term, newest": 5.0,
    "category by name": 5.0,
    "category, newest": 5.0,
    "broad term in a category by price": 10.0,  # looked at one by one, until there is a page or all matches are sorted
    "term with 1 in 1,000 by price": 10.0,  # a page of 1,000 matches; in the smallest catalogue all ten
    "two terms by price": 10.0,
    "broad term, 4 filters": 10.0,  # a narrow filter has to find all that match
    # up to a thousand rows are counted, and read for facets; the smallest catalogue has five
    "count: two terms": 7.0,
    "facets: two terms": 7.0,
}
MOST_OF_RANKED = 1.0  # of the CPU of the naive query, in the largest catalogue
MOST_OF_ENGINE = {"broad term": 1.0, "facets: broad term": 1.0, "full page: broad term": 1.0}
LEAST_MS = 0.3  # below, a ratio is noise
LEAST_IN_PLACE = 0.95  # a page that is full makes room with its first updates
# milliseconds at p95 of whole requests, on two cores that the clients, the API, Redis and the database share; on slower
# or busier ones the floor is slower as well, so what is held against a limit is the ratio to it
GOALS = {
    request_class(8, f"{kind}{asked}"): milliseconds
    for kind, milliseconds in (("hits", 10.0), ("hits + facets + count", 50.0))
    for asked in ("", ", asked before", ", as shoppers ask")
}
MOST_OF_FLOOR = {
    request_class(8, "hits"): 8.0,
    request_class(8, "hits + facets + count"): 30.0,
    request_class(8, "hits, asked before"): 2.0,
    request_class(8, "hits + facets + count, asked before"): 3.0,
    request_class(8, "hits, as shoppers ask"): 4.0,
    request_class(8, "hits + facets + count, as shoppers ask"): 15.0,
}
_NOT_OURS = (f"{RANKED}: ", f"{ENGINE}: ", "HTTP")


class Measured(msgspec.Struct, frozen=True):
    """All that was measured of one catalogue.

    disk, memory: megabytes by what takes them; in_place: the share of updated rows that stayed in place (HOT).
    """

    costs: dict[str, Cost]
    disk: dict[str, float]
    memory: dict[str, float]
    in_place: dict[str, float]
    load_seconds: float = 0.0


def show(measured: dict[int, Measured]) -> None:
    """Print what every catalogue costs, the smallest first."""
    smallest = measured[min(measured)].costs
    for size, each in sorted(measured.items()):
        print(f"\n{size:,} products" + (f", loaded in {each.load_seconds:.0f} s" if each.load_seconds else ""))
        for label, megabytes in (("disk", each.disk), ("memory", each.memory)):
            print(f"{label}, MB: " + ", ".join(f"{name} {value:,.0f}" for name, value in megabytes.items()))
        print(f"{'ms':38}{'p50':>8}{'p95':>9}{'db CPU':>9}{f'to {min(measured):,}':>11}{RANKED:>9}{ENGINE:>9}")
        for name, cost in each.costs.items():
            if not name.startswith(_NOT_OURS):
                print(_line(name, cost, smallest, each.costs))
        _show_requests(each.costs)


def _line(name: str, cost: Cost, smallest: dict[str, Cost], beside: dict[str, Cost]) -> str:
    others = (smallest.get(name), beside.get(f"{RANKED}: {name}"), beside.get(f"{ENGINE}: {name}"))
    ratios = "".join(
        f"{'-' if other is None else f'{_ratio(cost, other):.2f}':>{width}}"
        for other, width in zip(others, (11, 9, 9), strict=True)
    )
    return f"{name:38}{cost.p50:8.2f} {cost.p95:8.2f} {cost.cpu:8.3f}{ratios}"


def _show_requests(costs: dict[str, Cost]) -> None:
    """Print what whole requests cost, where they were measured."""
    served = {name: cost for name, cost in costs.items() if cost.served is not None}
    if not served:
        return
    print(f"{'whole requests, ms':38}{'p50':>8}{'p95':>9}{'db CPU':>9}{'API':>8}{'Redis':>8}{'client':>8}", end="")
    print(f"{'a second':>10}{'p95 to floor':>14}{'CPU':>7}{'goal':>8}")
    for name, cost in served.items():
        floor, goal = _floor(name, costs), GOALS.get(name)
        of = cost.served
        assert of is not None
        print(
            f"{name:38}{cost.p50:8.2f} {cost.p95:8.2f} {cost.cpu:8.3f}{of.api:8.3f}{of.redis:8.3f}{of.client:8.3f}",
            end="",
        )
        print(f"{of.per_second:10.0f}{cost.p95 / floor.p95:14.1f}{cost.total / floor.total:7.1f}", end="")
        print(f"{goal / floor.p95:8.1f}" if goal else f"{'-':>8}")


def _floor(name: str, costs: dict[str, Cost]) -> Cost:
    """What a request without search takes at as many clients."""
    return costs[f"{name.partition(':')[0]}: floor"]


def _ratio(cost: Cost, other: Cost) -> float:
    return cost.cpu / max(other.cpu, 0.001)


def _at_least(cost: Cost) -> float:
    return max(cost.cpu, LEAST_MS)


def faults(measured: dict[int, Measured]) -> list[str]:
    """The ratios that are above their limits, as sentences."""
    smallest, largest = measured[min(measured)].costs, measured[max(measured)].costs
    found = []
    for name, cost in largest.items():
        if name.startswith(_NOT_OURS):
            continue
        if name in smallest:
            most = MAY_GROW.get(name, MOST_GROWTH)
            growth = _at_least(cost) / _at_least(smallest[name])
            if growth > most:
                found.append(f"{name}: {growth:.1f} times the cost in the smallest catalogue, at most {most:g}")
        for rival, limit in ((RANKED, MOST_OF_RANKED), (ENGINE, MOST_OF_ENGINE.get(name))):
            other = largest.get(f"{rival}: {name}")
            if other is not None and limit is not None and (ratio := _at_least(cost) / _at_least(other)) > limit:
                found.append(f"{name}: {ratio:.2f} times the cost of {rival}, at most {limit:g}")
    for name, share in measured[max(measured)].in_place.items():
        if share < LEAST_IN_PLACE:
            found.append(f"{name}: {share:.0%} of the rows stayed in place, at least {LEAST_IN_PLACE:.0%}")
    return found + _faults_of_requests(largest)


def _faults_of_requests(costs: dict[str, Cost]) -> list[str]:
    ratios = {name: costs[name].p95 / _floor(name, costs).p95 for name in MOST_OF_FLOOR if name in costs}
    return [
        f"{name}: {ratio:.1f} times the floor at p95, at most {MOST_OF_FLOOR[name]:g}"
        for name, ratio in ratios.items()
        if ratio > MOST_OF_FLOOR[name]
    ]
