"""A company whose data comes in day by day, and what can go wrong with a day of it.

Everything follows from a seed: volumes have weekends, month ends, growth and chance, people are
hired and leave, and of the records of any day some per cent are dirty.
"""

import csv
import io
import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

Row = tuple[str, ...]

FIRST_DAY = date(2026, 1, 5)
HEADERS = {
    "employees": ("employee_id", "first_name", "last_name", "email", "hire_date", "status"),
    "benefit_accounts": (
        "benefit_account_id",
        "employee_id",
        "benefit_type",
        "program_name",
        "monthly_allowance",
    ),
    "category_benefit_mappings": ("benefit_type", "valid_category"),
    "transactions": (
        "transaction_id",
        "employee_id",
        "benefit_account_id",
        "merchant",
        "amount",
        "transaction_timestamp",
        "category",
    ),
}
PROGRAMS = {
    "wellness": (("Wellness Plus", "Mind & Body"), ("gym", "fitness"), 120),
    "meals": (("Daily Meals", "Team Meals"), ("food", "groceries"), 300),
    "learning": (("Growth Budget",), ("education",), 400),
    "wfh": (("Home Office",), ("office_supplies",), 250),
}
MERCHANTS = {
    category: tuple(f"{category.replace('_', ' ').title()} {place}" for place in places)
    for category, places in {
        "gym": ("Nord", "Harbour", "Mill", "Park"),
        "fitness": ("Studio", "Loft", "Barn"),
        "food": ("Corner", "Garden", "Station", "Square", "Bridge"),
        "groceries": ("Market", "Basket", "Crate"),
        "education": ("Academy", "Press", "Workshop"),
        "office_supplies": ("Depot", "Desk", "Paper"),
    }.items()
}
DAILY = 400
WEEKEND = 0.6
MONTH_END = 1.25
GROWTH = 0.002


@dataclass(frozen=True)
class Delivery:
    """What arrives on a day: three files anew, and the transactions of the day as one more."""

    day: date
    employees: list[Row]
    benefit_accounts: list[Row]
    category_benefit_mappings: list[Row]
    transactions: list[Row]
    edit: Callable[[bytes], bytes | None] = field(default=lambda content: content)

    def write(self, folder: Path) -> None:
        """Write the files."""
        for name in ("employees", "benefit_accounts", "category_benefit_mappings"):
            (folder / f"{name}.csv").write_bytes(_csv(name, getattr(self, name)))
        content = self.edit(_csv("transactions", self.transactions))
        if content is not None:
            (folder / f"transactions-{self.day}.csv").write_bytes(content)


def _csv(name: str, rows: list[Row]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADERS[name], *rows])
    return text.getvalue().encode()


def deliveries(days: int, seed: int) -> Iterator[Delivery]:
    """What arrives on each of some days."""
    company = _Company(random.Random(seed))  # noqa: S311 - the same data each time is the point
    for number in range(days):
        yield company.day(number)


class _Company:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.employees: list[Row] = []
        self.accounts: list[Row] = []
        self.transactions = 0
        self._hire(300, FIRST_DAY)

    def day(self, number: int) -> Delivery:
        day = FIRST_DAY + timedelta(days=number)
        if day.weekday() < 5:
            if self.chance.random() < 0.4:
                self._hire(self.chance.randint(1, 3), day)
            if self.chance.random() < 0.15:
                self._dismiss()
        rows = self._spend(day, number)
        mappings: list[tuple[str, ...]] = [
            (kind, it) for kind, (_, valid, _) in PROGRAMS.items() for it in valid
        ]
        return Delivery(day, list(self.employees), list(self.accounts), mappings, rows)

    def _hire(self, people: int, day: date) -> None:
        for _ in range(people):
            number = len(self.employees) + 1
            hired = day - timedelta(days=self.chance.randint(0, 3000) if number <= 300 else 0)
            name = f"person{number}"
            email = name if self.chance.random() < 0.01 else f"{name}@example.com"
            status = "terminated" if self.chance.random() < 0.02 else "active"
            employee = f"E{number:04d}"
            self.employees.append((employee, "Pat", name.title(), email, f"{hired}", status))
            for kind in self.chance.sample(sorted(PROGRAMS), self.chance.randint(1, 3)):
                names, _, allowance = PROGRAMS[kind]
                account = f"BA{len(self.accounts) + 1:05d}"
                program = self.chance.choice(names)
                self.accounts.append((account, employee, kind, program, f"{allowance}.00"))

    def _dismiss(self) -> None:
        index = self.chance.randrange(len(self.employees))
        *kept, _ = self.employees[index]
        self.employees[index] = (*kept, "terminated")

    def _spend(self, day: date, number: int) -> list[Row]:
        expected = DAILY * (1 + GROWTH) ** number
        expected *= WEEKEND if day.weekday() >= 5 else 1
        expected *= MONTH_END if (day + timedelta(days=2)).month != day.month else 1
        count = round(self.chance.gauss(expected, math.sqrt(expected)))
        # Some days are cleaner than others.
        dirt = self.chance.uniform(0.5, 1.5)
        active = [it[0] for it in self.employees if it[-1] != "terminated"]
        known = set(active)
        accounts = [it for it in self.accounts if it[1] in known]
        return [row for _ in range(count) for row in self._charge(day, accounts, dirt)]

    def _charge(self, day: date, accounts: list[Row], dirt: float) -> Iterator[Row]:
        chance = self.chance
        self.transactions += 1
        account, employee, kind, _, allowance = chance.choice(accounts)
        category = chance.choice(PROGRAMS[kind][1])
        amount = f"{float(allowance) * chance.uniform(0.01, 0.06):.2f}"
        second = chance.randint(7 * 3600, 21 * 3600)
        moment = datetime.combine(day, time()) + timedelta(seconds=second)
        row = [
            f"T{self.transactions:07d}",
            employee,
            account,
            chance.choice(MERCHANTS[category]),
            amount,
            f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            category,
        ]
        kinds = (
            (0.003, 1, lambda _: "E9999"),
            (0.003, 2, lambda _: "BA99999"),
            (0.003, 4, lambda it: f"${it}"),
            (0.003, 4, lambda it: f"-{it}"),
            (0.002, 4, lambda _: "0.00"),
            (0.002, 5, lambda _: "n/a"),
            (0.010, 5, lambda it: it.removesuffix("Z")),
            (0.004, 3, lambda _: ""),
            (0.006, 6, lambda _: ""),
            (0.010, 6, lambda _: "travel"),
        )
        for rate, place, spoil in kinds:
            if chance.random() < rate * dirt:
                row[place] = spoil(row[place])
        yield tuple(row)
        if chance.random() < 0.004 * dirt:
            yield tuple(row)
        if chance.random() < 0.001 * dirt:
            yield (f"T{self.transactions:07d}", "broken")


Fault = Callable[[Delivery, Delivery, random.Random], Delivery]
"""Makes something wrong with what arrives on a day, given what arrived on the day before."""

FAULTS: dict[str, Fault] = {}


def _fault(name: str) -> Callable[[Fault], Fault]:
    def register(fault: Fault) -> Fault:
        FAULTS[name] = fault
        return fault

    return register


def _rewriting(name: str, column: str, part: float, spoil: Callable[[str], str]) -> None:
    """Plant a fault that spoils a column of the transactions in a part of the rows."""
    place = HEADERS["transactions"].index(column)

    def fault(now: Delivery, _before: Delivery, chance: random.Random) -> Delivery:
        return replace(now, transactions=_spoiled(now.transactions, place, part, spoil, chance))

    FAULTS[name] = fault


def _spoiled(
    rows: list[Row], place: int, part: float, spoil: Callable[[str], str], chance: random.Random
) -> list[Row]:
    return [
        (*row[:place], spoil(row[place]), *row[place + 1 :])
        if len(row) > place and chance.random() < part
        else row
        for row in rows
    ]


# ------------------------------------------------------------ the day's transactions, as a whole


@_fault("half of the rows are missing")
def _half(now: Delivery, _before: Delivery, _chance: random.Random) -> Delivery:
    return replace(now, transactions=now.transactions[: len(now.transactions) // 2])


@_fault("a tenth of the rows is missing")
def _tenth(now: Delivery, _before: Delivery, chance: random.Random) -> Delivery:
    return replace(now, transactions=[it for it in now.transactions if chance.random() > 0.1])


@_fault("the file is empty")
def _empty(now: Delivery, _before: Delivery, _chance: random.Random) -> Delivery:
    return replace(now, edit=lambda _: b"")


@_fault("the file has a header only")
def _header(now: Delivery, _before: Delivery, _chance: random.Random) -> Delivery:
    return replace(now, transactions=[])


@_fault("no file comes")
def _none(now: Delivery, _before: Delivery, _chance: random.Random) -> Delivery:
    return replace(now, edit=lambda _: None)


@_fault("yesterday's file comes again")
def _stale(now: Delivery, before: Delivery, _chance: random.Random) -> Delivery:
    return replace(now, transactions=before.transactions)


@_fault("every row comes twice")
def _doubled(now: Delivery, _before: Delivery, _chance: random.Random) -> Delivery:
    return replace(now, transactions=now.transactions * 2)


@_fault("a fifth of the rows comes twice")
def _some_doubled(now: Delivery, _before: Delivery, _chance: random.Random) -> Delivery:
    again = now.transactions[: len(now.transactions) // 5]
    return replace(now, transactions=now.transactions + again)


@_fault("the file is cut off in the middle of a row")
def _cut(now: Delivery, _before: Delivery, _chance: random.Random) -> Delivery:
    return replace(now, edit=lambda content: content[: len(content) * 2 // 5])


@_fault("a third of the rows has semicolons")
def _semicolons(now: Delivery, _before: Delivery, chance: random.Random) -> Delivery:
    def edit(content: bytes) -> bytes:
        header, *lines = content.splitlines(keepends=True)
        mixed = [it.replace(b",", b";") if chance.random() < 0.33 else it for it in lines]
        return b"".join([header, *mixed])

    return replace(now, edit=edit)


@_fault("transaction ids are those of yesterday")
def _reused(now: Delivery, before: Delivery, _chance: random.Random) -> Delivery:
    ids = [it[0] for it in before.transactions]
    rows = [(ids[index % len(ids)], *row[1:]) for index, row in enumerate(now.transactions)]
    return replace(now, transactions=rows)


@_fault("merchants are shuffled among the rows")
def _shuffled(now: Delivery, _before: Delivery, chance: random.Random) -> Delivery:
    rows = [it for it in now.transactions if len(it) == len(HEADERS["transactions"])]
    merchants = [it[3] for it in rows]
    chance.shuffle(merchants)
    mixed = [(*row[:3], it, *row[4:]) for row, it in zip(rows, merchants, strict=True)]
    return replace(now, transactions=mixed)


# ------------------------------------------------------------------ a column of the transactions


def _days_earlier(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{moment - timedelta(days=30):%Y-%m-%dT%H:%M:%SZ}"


_rewriting("amounts are missing", "amount", 1, lambda _: "")
_rewriting("half of the categories are missing", "category", 0.5, lambda _: "")
_rewriting("merchants are missing", "merchant", 1, lambda _: "")
_rewriting("a tenth of the employee ids is missing", "employee_id", 0.1, lambda _: "")
_rewriting("employee ids are in lower case", "employee_id", 1, str.lower)
_rewriting("amounts are in cents", "amount", 1, lambda it: it.replace(".", "").lstrip("0") or "0")
_rewriting("amounts are negative", "amount", 1, lambda it: f"-{it}")
_rewriting("amounts have a currency sign", "amount", 1, lambda it: f"${it}")
_rewriting("dates are a month early", "transaction_timestamp", 1, _days_earlier)
_rewriting(
    "dates are a year late", "transaction_timestamp", 1, lambda it: it.replace("2026", "2027")
)
_rewriting(
    "dates are written as 3/14/2026",
    "transaction_timestamp",
    1,
    lambda it: f"{it[5:7]}/{it[8:10]}/{it[:4]} {it[11:19]}",
)
_rewriting(
    "times have lost their zone", "transaction_timestamp", 1, lambda it: it.removesuffix("Z")
)
_rewriting("categories are of another list", "category", 0.5, lambda it: f"MCC-{len(it)}")


@_fault("every merchant gets a number of its own")
def _numbered(now: Delivery, _before: Delivery, _chance: random.Random) -> Delivery:
    rows = [
        (*row[:3], f"{row[3]} #{index}", *row[4:]) if len(row) > 3 else row
        for index, row in enumerate(now.transactions)
    ]
    return replace(now, transactions=rows)


# ---------------------------------------------------------------------------- the other files


@_fault("a third of the employees is missing")
def _employees(now: Delivery, _before: Delivery, _chance: random.Random) -> Delivery:
    return replace(now, employees=now.employees[: len(now.employees) * 2 // 3])


@_fault("a third of the employees is terminated")
def _terminated(now: Delivery, _before: Delivery, chance: random.Random) -> Delivery:
    return replace(now, employees=_spoiled(now.employees, 5, 0.33, lambda _: "terminated", chance))


@_fault("a third of the accounts is missing")
def _accounts(now: Delivery, _before: Delivery, _chance: random.Random) -> Delivery:
    kept = now.benefit_accounts[: len(now.benefit_accounts) * 2 // 3]
    return replace(now, benefit_accounts=kept)


@_fault("half of the category mappings are missing")
def _mappings(now: Delivery, _before: Delivery, _chance: random.Random) -> Delivery:
    kept = now.category_benefit_mappings[: len(now.category_benefit_mappings) // 2]
    return replace(now, category_benefit_mappings=kept)
