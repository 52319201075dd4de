"""Whether enough of a source and of each file comes through, and whether ids are of single records.

None of it needs a history: all is judged from the first run on.
"""

from collections.abc import Iterable, Iterator

from benepass_tasks.catalog import Catalog, Source
from benepass_tasks.catalog.wording import listed, printable
from benepass_tasks.quality.monitors.results import Result
from benepass_tasks.state.history.read import SourceFigures


def judge_clean(figures: Iterable[SourceFigures], catalog: Catalog) -> Iterator[Result]:
    """Judge which share of each source's records and money is accepted, and its ids."""
    for it in figures:
        source = catalog.sources.get(it.source)
        if source is not None:
            yield from _judge_shares(it, source)
            yield from _judge_files(it, source)
            yield from _judge_flags(it, source)
            yield from _judge_ids(it, source)
            yield from _judge_splits(it)


def too_little_clean(it: SourceFigures, catalog: Catalog) -> Iterator[Result]:
    """The shares of a source's records and money that are less than its guards ask for."""
    source = catalog.sources[it.source]
    yield from (result for result in _judge_shares(it, source) if result.status == "fail")
    yield from _judge_files(it, source)


def _judge_shares(it: SourceFigures, source: Source) -> Iterator[Result]:
    least = source.guards.min_clean
    for name, share in (("records", it.accepted_rate), ("money", it.accepted_money_rate)):
        if share is not None:
            yield Result(
                "clean_share",
                source.name,
                "fail" if share < least else "ok",
                f"{share:.1%} of the {name} are neither rejected nor quarantined; expected are at "
                f"least {least:.0%}".replace("money are", "money is"),
                f"the catalog: min_clean {least:.0%}",
                name,
                value=share,
                lower=least,
            )


def _judge_files(it: SourceFigures, source: Source) -> Iterator[Result]:
    """A file most of which is lost is not made good by all the others."""
    least = source.guards.min_clean
    for file, lost in sorted(it.lost.items()):
        if 1 - lost < least:
            yield Result(
                "clean_share",
                source.name,
                "fail",
                f"{1 - lost:.1%} of the records of {printable(file)} are neither rejected nor "
                f"quarantined; expected are at least {least:.0%}",
                f"the catalog: min_clean {least:.0%}",
                printable(file),
                value=1 - lost,
                lower=least,
            )


def _judge_flags(it: SourceFigures, source: Source) -> Iterator[Result]:
    """A flag on most records says how the files are written, not what is wrong with one of them."""
    if it.flagged_rate is None:
        return
    most = source.guards.max_flagged
    often = sorted(it.by_flag, key=lambda flag: (-it.by_flag[flag], flag))
    flags = listed([f"{flag} ({it.by_flag[flag]:,})" for flag in often], most=3)
    yield Result(
        "flagged_share",
        source.name,
        "warn" if it.flagged_rate > most else "ok",
        f"{it.flagged_rate:.1%} of the accepted records have a flag: {flags or 'none'}; expected "
        f"are at most {most:.0%}",
        f"the catalog: max_flagged {most:.0%}",
        value=it.flagged_rate,
        upper=most,
    )
    for file, share in sorted(it.doubtful.items()):
        if share > most:
            yield Result(
                "flagged_share",
                source.name,
                "warn",
                f"{share:.1%} of the accepted records of {printable(file)} have a flag; expected "
                f"are at most {most:.0%}",
                f"the catalog: max_flagged {most:.0%}",
                printable(file),
                value=share,
                upper=most,
            )


def _judge_ids(it: SourceFigures, source: Source) -> Iterator[Result]:
    if not it.restarted:
        return
    files = listed([*map(printable, sorted(it.restarted))], most=3)
    yield Result(
        "restarted_ids",
        source.name,
        "fail",
        f"the ids look restarted (if they are: key: [{source.id_column}, _source_file]): most of "
        f"{files} stand for something else in other files",
        "the other files of the source",
        value=max(it.restarted.values()),
    )


def _judge_splits(it: SourceFigures) -> Iterator[Result]:
    if it.split:
        yield Result(
            "split_charges",
            it.source,
            "fail",
            f"{it.split:,} charges, USD {it.split_amount:,.2f}, count twice: as a whole, and in "
            "parts that add up to it, whose ids are that of the whole and a number or letter. "
            "Have the wholes exported or the parts, and not both",
            "the other charges of the same accounts",
            value=it.split,
            upper=0,
        )
