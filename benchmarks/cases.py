"""What is measured of every server, in rounds that alternate between them."""

from __future__ import annotations

import asyncio
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import requests

from benchmarks import processes, traffic
from benchmarks.contenders import Contender, Surroundings
from benchmarks.load import Sample, ask_once, shop
from benchmarks.spread import Spread

_CARTS = 64
_WARM_SECONDS = 0.1


@dataclass(frozen=True)
class Case:
    """An action, the number of shoppers at once, and the time a store call takes."""

    action: str
    shoppers: int
    delay_ms: int = 0

    @property
    def title(self) -> str:
        """The case's name in the table."""
        return f"{self.action}, {self.shoppers:,} shopper{'s' * (self.shoppers > 1)}" + (
            f", store {self.delay_ms} ms" if self.delay_ms else ""
        )


GET_1, GET_64, GET_1000 = Case("get", 1), Case("get", 64), Case("get", 1000)
ADD_1, ADD_64 = Case("add", 1), Case("add", 64)
ADD_64_SLOW = Case("add", 64, 200)
WAIT_1000 = Case("first add", 1000, 200)


@dataclass(frozen=True)
class Pace:
    """How many rounds, and how long each server is asked in each of them."""

    rounds: int
    seconds: float


@dataclass(frozen=True)
class Result:
    """The medians of a case's rounds for one server; errors are summed."""

    cpu_ms: float
    per_second: float
    p50_ms: float
    p99_ms: float
    answered: int
    errors: Counter[str]
    peak_megabytes: float


class Bench:
    """The servers with their carts, and the samples taken so far."""

    def __init__(self, around: Surroundings, contenders: Sequence[Contender]) -> None:
        self.around = around
        self.contenders = contenders
        self.bearers: dict[str, list[str]] = {}
        self._samples: dict[tuple[str, Case], list[Sample]] = {}
        self._peaks: dict[tuple[str, Case], float] = {}

    async def fill_carts(self) -> None:
        """Make carts of three lines, each line added by itself."""
        await asyncio.gather(*(self._fill(contender) for contender in self.contenders))

    async def _fill(self, contender: Contender) -> None:
        self.bearers[contender.name] = [traffic.new_bearer() for _ in range(_CARTS)]
        for bearer in self.bearers[contender.name]:
            for item in traffic.THREE_LINES:
                status, body = await ask_once(contender.port, traffic.add_item(bearer, item))
                if status not in (200, 201):
                    raise RuntimeError(f"{contender.name} answered {status}: {body.decode()}")

    async def run(self, case: Case, pace: Pace, only: str = "") -> None:
        """Take the case's samples: in each round every server once, to and fro."""
        requests.put(f"{self.around.store_url}/_delay/{case.delay_ms}", timeout=5)
        for number in range(pace.rounds):
            for contender in self.contenders[:: -1 if number % 2 else 1]:
                if not only or contender.name == only:
                    sample = await self._sample(contender, case, pace.seconds)
                    self._samples.setdefault((contender.name, case), []).append(sample)
        requests.put(f"{self.around.store_url}/_delay/0", timeout=5)

    async def _sample(self, contender: Contender, case: Case, seconds: float) -> Sample:
        bearers = self.bearers[contender.name]
        requests_of: Callable[[int], Iterator[bytes]] = {
            "get": lambda number: traffic.gets(bearers[number % _CARTS]),
            "add": lambda number: traffic.adds(bearers[number]),
            "first add": lambda _: traffic.first_adds(),
        }[case.action]
        shoppers = [requests_of(number) for number in range(case.shoppers)]
        if not case.delay_ms:
            await shop(contender.port, shoppers, _WARM_SECONDS)
        family = processes.tree(contender.pid)
        before = processes.cpu_ms(family)
        sample = await shop(contender.port, shoppers, seconds)
        await asyncio.sleep(0.02)
        sample.cpu_ms = processes.cpu_ms(family) - before
        self._peaks[contender.name, case] = processes.peak_megabytes(family)
        return sample

    def result(self, name: str, case: Case) -> Result | None:
        """The result of one server; None if it was not run."""
        samples = self._samples.get((name, case))
        if not samples:
            return None

        def median(figure: Callable[[Sample], float]) -> float:
            return statistics.median(figure(sample) for sample in samples)

        return Result(
            cpu_ms=median(lambda sample: sample.cpu_ms_each),
            per_second=median(lambda sample: sample.answered / sample.seconds),
            p50_ms=median(lambda sample: sample.percentile(0.5)),
            p99_ms=median(lambda sample: sample.percentile(0.99)),
            answered=sum(sample.answered for sample in samples),
            errors=sum((sample.errors for sample in samples), Counter()),
            peak_megabytes=self._peaks[name, case],
        )

    def cpu_ratio(self, case: Case, name: str, other: str) -> Spread:
        """The ratio of two servers' CPU per request, for each round.

        The machine may be half as fast a minute later: what was measured side by side compares.
        """
        rounds = zip(self._samples[name, case], self._samples[other, case], strict=True)
        return Spread.of([mine.cpu_ms_each / theirs.cpu_ms_each for mine, theirs in rounds])
