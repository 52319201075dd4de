"""Erasing people everywhere, step by step: each can be done again, and killed at any moment.

What is to be erased is written down first (`job`). From then on whoever comes next, another `erase`
or any run, finishes it. A step finds out by itself what of it is done already.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from benepass_tasks.catalog import Catalog
from benepass_tasks.catalog.datasets import PERSON
from benepass_tasks.config.errors import ContractError, ProjectError
from benepass_tasks.config.settings import Settings
from benepass_tasks.engine.compaction import compact
from benepass_tasks.engine.handover import Handover
from benepass_tasks.engine.session import let_go
from benepass_tasks.ingestion.people.places import raw_ids
from benepass_tasks.pipeline.closing import close_run
from benepass_tasks.pipeline.erasure.beginning import Wish, begin
from benepass_tasks.pipeline.erasure.certificate import ANEW, MOVED, After, Certificate, certify
from benepass_tasks.pipeline.erasure.job import Job, alone
from benepass_tasks.pipeline.erasure.proof import search
from benepass_tasks.pipeline.erasure.raw import anonymise_raw
from benepass_tasks.pipeline.erasure.sources import Rewritten, rewrite_sources
from benepass_tasks.pipeline.making import make_outdated
from benepass_tasks.pipeline.nodes import nodes_of
from benepass_tasks.publish.targets import targets_of
from benepass_tasks.state.branches.aside import sweep
from benepass_tasks.state.branches.folders import branches_of, delete_branch
from benepass_tasks.state.erasures import (
    ErasedPeople,
    Erasure,
    digest_of,
    erased_people,
    job_file,
    require_key,
    write_list,
)
from benepass_tasks.state.publication import publications_of
from benepass_tasks.state.run import Run

Say = Callable[[str], None]

PUBLISHED = ("publication", "published file", "page", "site")
"""The kinds of nodes that a warehouse which may not be published has none of."""


BROKEN = (
    "what the catalog promises does not hold without them, so nothing was published: what was "
    "before is there still. Mend the test that `benepass run` names, and run"
)
"""What is said where a data test fails of what stands in the places of people."""


def erase(settings: Settings, wish: Wish, say: Say) -> list[Certificate]:
    """Erase people, after whatever was begun before is finished.

    Args:
        settings: Those of the project.
        wish: Whom to erase, and how.
        say: Told each step, in words.

    Returns:
        What was done: of what was begun before, and of this; none where all of them were erased
        before.

    Raises:
        ProjectError: there is no key, or nothing is held about one of them.
        BenepassError: a table cannot be built; the next run goes on.
    """
    require_key(settings)
    if settings.parent is not None:
        raise ProjectError(
            f"{settings.env} is a branch: erase in its parent, which deletes its branches"
        )
    with alone(settings):
        return [*_finish_pending(settings, say), *_erase(settings, wish, say)]


def _erase(settings: Settings, wish: Wish, say: Say) -> Iterator[Certificate]:
    with opened_run(settings) as run:
        say("Bringing everything up to date ...")
        build_all(run)
        with run.warehouse.read() as connection:
            job = begin(connection, run.definitions, wish, erased_people(settings))
        if job is not None:
            job.save(settings)
            # From here on whoever comes next finishes it, on whichever machine.
            run.warehouse.save()
            yield _Erasing(run, job, say).finish()


def finish_pending(settings: Settings, say: Say) -> list[Certificate]:
    """Finish an erasure that was begun and whose process ended, if there is one."""
    with alone(settings):
        return _finish_pending(settings, say)


def _finish_pending(settings: Settings, say: Say) -> list[Certificate]:
    job = Job.pending(settings)
    if job is None:
        return []
    require_key(settings)
    say(f"Finishing the erasure that began at {job.began_at} ...")
    with opened_run(settings) as run:
        return [_Erasing(run, job, say).finish()]


@contextmanager
def opened_run(settings: Settings) -> Iterator[Run]:
    """A run that is for people alone; how it ended is written down if it made something."""
    run = Run(replace(settings, verify_every=None, force=frozenset(), extract=False), nodes_of)
    try:
        yield run
    finally:
        if run.asked and run.warehouse.exists():
            close_run(run)


def build_all(run: Run) -> None:
    """Make all that is not up to date, up to the pages, as far as it may be published."""
    run.look_again()
    nodes, may_publish = run.nodes(), run.settings.may_publish
    wanted = [it for it in run.plan() if it in nodes]
    make_outdated(run, [it for it in wanted if may_publish or nodes[it].kind not in PUBLISHED])


@dataclass
class _Erasing:
    """One erasure, on its way to the end."""

    run: Run
    job: Job
    say: Say

    def finish(self) -> Certificate:
        """Do what is left of it."""
        warehouse, settings = self.run.warehouse, self.run.settings
        self._put_on_the_list()
        for branch in branches_of(settings):
            # Whatever it holds of them, a run on a new one builds without.
            self.say(f"Deleting branch {branch.name} ...")
            delete_branch(settings, branch, is_forced=True)
        sweep(settings.branches_dir)
        if not self.job.is_anonymised and warehouse.exists():
            self.say("Anonymising the raw tables ...")
            with warehouse.exclusive(lambda: True), warehouse.write() as connection:
                done = anonymise_raw(connection, self.run, self.job)
            self.run.remember(None)
            self.job = replace(self.job, is_anonymised=True, dates_as_written=done)
            self.job.save(settings)
        rewritten = Rewritten()
        if self.job.rewrites_sources:
            self.say("Writing source files anew ...")
            with warehouse.exclusive(lambda: True):
                rewritten = rewrite_sources(self.run, self.job)
        self.say("Building what follows from them ...")
        broken = self._build()
        with warehouse.read() as connection:
            after = After.of(connection, self.run.definitions, self.job, broken)
        self.say("Writing the warehouse anew ...")
        compact(warehouse)
        self.run.remember(None)
        self.say("Searching every file ...")
        with warehouse.exclusive():
            let_go()
            Handover(settings.handover_dir).clear()
            publications = publications_of(settings, self.run.definitions.catalog)
            published = publications.values() if settings.may_publish else ()
            for target in targets_of(published):
                target.forget_past()
            found = search(settings, self.job.traces, published, [job_file(settings.warehouse)])
        certificate = certify(self.run, self.job, after, found, rewritten)
        certificate.write()
        if certificate.content["hits"]:
            # Whoever comes next searches again: nobody else knows what to look for.
            moved, anew = (certificate.content[it] for it in (MOVED, ANEW))
            replace(self.job, moved=moved, rewritten=anew).save(settings)
        else:
            job_file(settings.warehouse).unlink(missing_ok=True)
        return certificate

    def _build(self) -> list[str]:
        """Build what follows; returns what is promised and does not hold any more, in words.

        Nothing is published then. The erasure ends all the same: no later run could do more.
        """
        try:
            build_all(self.run)
        except ContractError:
            return [BROKEN]
        return []

    def _put_on_the_list(self) -> None:
        """Put the people on the list, of ids those that other sources refer to as well."""
        key, listed = require_key(self.run.settings), erased_people(self.run.settings)
        if listed and all(listed.has(PERSON, it) for it in self.job.people):
            return
        kinds = {PERSON, *_shared_kinds(self.run.definitions.catalog)}
        ids = {
            kind: sorted(digest_of(key, kind, it) for it in values)
            for kind, values in self.job.traces.ids.items()
            if kind in kinds
        }
        entry = Erasure(self.job.began_at, self.job.reason, ids)
        before = listed or ErasedPeople(key, ())
        write_list(self.run.settings.warehouse, before.with_entries([entry]))


def _shared_kinds(catalog: Catalog) -> set[str]:
    """The kinds of ids that several sources have."""
    counts = Counter(kind for table in raw_ids(catalog) for kind in {it for _, it in table.kinds})
    return {kind for kind, count in counts.items() if count > 1}
