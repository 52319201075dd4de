"""Write the sample data: `python -m benepass_tasks.sample --transactions 5000 --out data`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benepass_tasks.config.errors import ProjectError
from benepass_tasks.sample.generate import DEFAULT_TRANSACTIONS, generate
from benepass_tasks.sample.ledger import write_ledger


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the files the command line asks for.

    Args:
        arguments: The command line, without the name of the program.

    Returns:
        The exit code: 0 when the files are written, 2 when the size is not possible.
    """
    options = _parser().parse_args(arguments)
    try:
        generate(options.out, options.transactions)
        if options.ledger:
            write_ledger(options.ledger, options.transactions)
    except ProjectError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benepass_tasks.sample", description=__doc__)
    parser.add_argument(
        "--transactions",
        type=int,
        default=DEFAULT_TRANSACTIONS,
        help="records of transactions.csv (default: %(default)s, the committed sample)",
    )
    parser.add_argument("--out", type=Path, required=True, help="directory for the CSV files")
    parser.add_argument("--ledger", type=Path, help="file for the counts of the planted issues")
    return parser


if __name__ == "__main__":
    sys.exit(main())
