"""The masking policy: which macros count as masking, as long as they are what was approved."""

import graphlib
from collections.abc import Iterator

from benepass_tasks.catalog import Declarations
from benepass_tasks.config.digests import digest
from benepass_tasks.config.hash_key import PADS
from benepass_tasks.sqlmodels import ModelGraph

DIGITS = 32
"""Of a digest's 64; as many as the catalog holds of each."""


_WORDS = {
    "mask": ("masked", "masks"),
    "hash": ("masked", "masks"),
    "tidy": ("tidied", "leaves each value what it is"),
}


def mask_fingerprint(graph: ModelGraph, name: str) -> str:
    """Digest of a macro's SQL and of all macros that it calls, whatever the comments and layout."""
    macro = graph.macros[name]
    calls = {name: macro.macros}
    waiting = list(macro.macros)
    while waiting:
        called = waiting.pop()
        if called not in calls:
            calls[called] = graph.macros[called].macros
            waiting += calls[called]
    order = graphlib.TopologicalSorter({it: sorted(calls[it]) for it in sorted(calls)})
    return digest(*(graph.macros[it].code_version for it in order.static_order()))[:DIGITS]


def approved_masks(catalog: Declarations, graph: ModelGraph) -> frozenset[str]:
    """The macros of the policy that are there and are what was approved."""
    return frozenset(
        name
        for name, mask in catalog.masks.items()
        if name in graph.macros and mask_fingerprint(graph, name) == mask.fingerprint
    )


def unapproved_masks(catalog: Declarations, graph: ModelGraph) -> Iterator[tuple[str, str]]:
    """Each mask of the policy that does not count, with the reason and what to do."""
    for name, mask in catalog.masks.items():
        if name not in graph.macros:
            there = ", ".join(sorted(graph.macros))
            yield name, f"there is no sql/macros/{name}.sql (macros: {there})"
        elif (now := mask_fingerprint(graph, name)) != mask.fingerprint:
            counts, does = _WORDS[mask.treatment]
            message = (
                f"{graph.macros[name].path} is not what was approved, so nothing counts as "
                f"{counts} by it: if it still {does}, set fingerprint: '{now}'"
            )
            yield name, message
    approved = approved_masks(catalog, graph)
    for name, macro in graph.macros.items():
        is_hash = name in approved and catalog.masks[name].treatment == "hash"
        if macro.variables.intersection(PADS) and not is_hash:
            yield name, f"{macro.path} reads the hash key, which only an approved hash may do"
