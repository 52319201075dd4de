"""How well the monitors tell a bad day from a normal one.

    python benchmarks/backtest.py [--days 60] [--seed 1] [--markdown FILE]

The pipeline runs once for each simulated day of a company (`company.py`), into one warehouse. On
each of thirty days it runs once more, in a copy, with something wrong in what came in that day. A
fault is found where that run raises an alarm that the healthy run of the day does not.

An alarm is a monitor that warns or fails, a test of a table that fails, or a node that cannot be
built. Every alarm of a healthy run is false, also on the first days; recall is how many faults are
found, and precision how many of all alarms belong to a fault.
"""

import argparse
import logging
import random
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import luigi
from company import FAULTS, Delivery, deliveries
from document import replace_figures
from rich import box
from rich.console import Console
from rich.table import Table

from benepass_tasks.config.settings import benepass, current_settings
from benepass_tasks.pipeline import tasks
from benepass_tasks.state.warehouse import warehouse_of

ROOT = Path(__file__).resolve().parent.parent
WARM_UP = 25
"""Days before the first fault."""

FRESHNESS = "freshness: {column: transaction_timestamp, warn_after: 36h, fail_after: 3d}"
"""What such a company would declare of the fact table: a file comes each day."""

Alarm = tuple[str, str, str]
"""What raised it, the dataset, and what of it."""


@dataclass(frozen=True)
class Fault:
    """A planted fault, and the alarms that it raised and the healthy run of the day did not."""

    name: str
    day: date
    alarms: frozenset[Alarm]
    false_alarms: frozenset[Alarm]
    messages: Sequence[str]


@dataclass(frozen=True)
class Backtest:
    """What became of all days."""

    healthy: dict[date, frozenset[Alarm]]
    faults: list[Fault]

    @property
    def recall(self) -> float:
        """The part of the faults that was found."""
        return sum(bool(it.alarms) for it in self.faults) / len(self.faults)

    @property
    def true_alarms(self) -> int:
        """Alarms that belong to a fault."""
        return sum(len(it.alarms) for it in self.faults)

    @property
    def false_alarms(self) -> int:
        """Alarms of healthy runs, and alarms of the others that were raised without the fault."""
        return sum(map(len, self.healthy.values())) + sum(
            len(it.false_alarms) for it in self.faults
        )

    @property
    def precision(self) -> float:
        """The part of all alarms that belong to a fault."""
        return self.true_alarms / (self.true_alarms + self.false_alarms)

    @property
    def precision_of_runs(self) -> float:
        """The part of all runs with an alarm that had a fault; no fault counts more than once."""
        found = sum(bool(it.alarms) for it in self.faults)
        return found / (found + sum(map(bool, self.healthy.values())))


def main() -> None:
    """Run the backtest and print what came of it."""
    options = _options()
    # Each fault would say so at length.
    logging.disable(logging.CRITICAL)
    started = time.perf_counter()
    result = backtest(options.days, options.seed, list(FAULTS))
    table = _faults_table(result)
    Console(width=120).print(table)
    lines = [_summary(result, options.days)]
    for day, alarms in result.healthy.items():
        lines += [f"false alarm on {day}: {' '.join(alarm)}" for alarm in sorted(alarms)]
    print("\n".join(lines))  # noqa: T201 - what a script says
    print(f"{time.perf_counter() - started:.0f} s")  # noqa: T201
    if options.markdown:
        replace_figures(options.markdown, _markdown(table) + "\n\n" + lines[0])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--markdown", type=Path, help="file to replace the figures in")
    return parser.parse_args()


def backtest(days: int, seed: int, faults: Sequence[str], warm_up: int = WARM_UP) -> Backtest:
    """Run the pipeline over some days, and over days with each of some faults.

    Args:
        days: How many days there are.
        seed: What the days follow from.
        faults: The faults, planted one after the other on the days after the first ones.
        warm_up: How many days come before the first fault.
    """
    planted: dict[int, list[str]] = {}
    for index, name in enumerate(faults):
        number = warm_up + index * (days - warm_up) // len(faults)
        planted.setdefault(number, []).append(name)
    result = Backtest({}, [])
    with tempfile.TemporaryDirectory() as folder:
        root = _project(Path(folder) / "healthy")
        before: Delivery | None = None
        for number, delivery in enumerate(deliveries(days, seed)):
            bad = list(_bad_days(root, planted.get(number, []), delivery, before))
            healthy, _ = _run(root, delivery)
            result.healthy[delivery.day] = healthy
            for name, alarms, messages in bad:
                mine, others = alarms - healthy, alarms & healthy
                result.faults.append(Fault(name, delivery.day, mine, others, messages))
            before = delivery
    return result


def _bad_days(
    root: Path, faults: Sequence[str], delivery: Delivery, before: Delivery | None
) -> Iterator[tuple[str, frozenset[Alarm], list[str]]]:
    for name in faults:
        copy = root.with_name("faulty")
        shutil.copytree(root, copy)
        chance = random.Random(name)  # noqa: S311 - the same fault each time is the point
        yield name, *_run(copy, FAULTS[name](delivery, before or delivery, chance))
        shutil.rmtree(copy)


def _project(root: Path) -> Path:
    (root / "data").mkdir(parents=True)
    shutil.copytree(ROOT / "sql", root / "sql")
    catalog = (ROOT / "catalog.yaml").read_text(encoding="utf-8")
    place = "    grain: one row per accepted transaction\n"
    if catalog.count(place) != 1:
        raise SystemExit("catalog.yaml: where is marts.fact_transactions?")
    text = catalog.replace(place, f"{place}    {FRESHNESS}\n")
    (root / "catalog.yaml").write_text(text, encoding="utf-8")
    return root


def _run(root: Path, delivery: Delivery) -> tuple[frozenset[Alarm], list[str]]:
    """Run the pipeline on the morning after a day; returns what raised an alarm, and the words."""
    delivery.write(root / "data")
    settings = {"project_dir": str(root), "as_of": str(delivery.day + timedelta(days=1))}
    config = luigi.configuration.get_config()
    for name, value in settings.items():
        config.set(benepass.__name__, name, value)
    this = tasks.pipeline().run.id
    luigi.build([tasks.CheckContracts()], local_scheduler=True, log_level="WARNING")
    tasks.finish()
    return _alarms(this)


def _alarms(this: str) -> tuple[frozenset[Alarm], list[str]]:
    with warehouse_of(current_settings()).read() as connection:
        rows = connection.exec_driver_sql(
            "select monitor, dataset, coalesce(name, ''), message from meta.monitor_results "
            "where run_id = $1 and status <> 'ok' union all "
            "select 'failed node', node, '', coalesce(error, '') from meta.materializations "
            "where run_id = $1 and outcome = 'failed' union all "
            "select 'failed test', relation, '', test from meta.check_results "
            "where run_id = $1 and status = 'failed'",
            (this,),
        ).all()
    alarms = frozenset((what, dataset, name) for what, dataset, name, _ in rows)
    return alarms, [f"{dataset}: {message}" for _, dataset, _, message in rows]


def _faults_table(result: Backtest) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for name in ("fault", "day", "caught by"):
        table.add_column(name)
    for fault in result.faults:
        caught: dict[str, list[str]] = {}
        for monitor, dataset, name in sorted(fault.alarms):
            caught.setdefault(monitor, []).append(name or dataset)
        words = "; ".join(f"{monitor} {_few(names)}" for monitor, names in caught.items())
        table.add_row(fault.name, f"{fault.day:%a %m-%d}", words or "**missed**")
    return table


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _summary(result: Backtest, days: int) -> str:
    found = sum(bool(it.alarms) for it in result.faults)
    noisy = sum(map(bool, result.healthy.values()))
    return (
        f"{days} healthy days and {len(result.faults)} with a fault. "
        f"Recall {result.recall:.1%}: {found} of {len(result.faults)} faults found. "
        f"Precision {result.precision:.1%}: {result.true_alarms} of "
        f"{result.true_alarms + result.false_alarms} alarms belong to a fault. "
        f"By runs {result.precision_of_runs:.1%}: {noisy} of {days} healthy runs raised any."
    )


def _markdown(table: Table) -> str:
    cells = [list(column.cells) for column in table.columns]
    lines = [f"| {' | '.join(str(it.header) for it in table.columns)} |", "|---|---|---|"]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in zip(*cells, strict=True)]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
