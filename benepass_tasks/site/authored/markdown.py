"""The text of a page: its front matter, its prose and its fenced blocks, with their lines."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeAlias

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from benepass_tasks.config.errors import ProjectError

FRONT = re.compile(r"---\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
"""What a page begins with: YAML between two lines of dashes."""

VALUE = re.compile(r"\{\s*([a-z]\w*(?:\.[a-z]\w*)?)\s*\}")
"""A value in prose, `{query.column}`, or `{setting}`."""

PLAIN = ("", "text")
"""What may stand behind the fence of a block that is shown as it is written."""


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block.

    Attributes:
        kind: The first word behind the fence, such as `sql` or `bar`.
        words: The other words there.
        text: What is fenced.
        line: The line of the file that the text begins on.
    """

    kind: str
    words: tuple[str, ...]
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Prose:
    """Paragraphs, lists and headings.

    Attributes:
        tokens: What markdown-it reads in them.
        line: The line of the file that they begin on.
    """

    tokens: Sequence[Token]
    line: int

    @property
    def values(self) -> Iterator[tuple[str, int]]:
        """The values that stand in them, as they are written, each with its line."""
        for token in self.tokens:
            line = self.line if token.map is None else token.map[0] + 1
            for child in token.children or ():
                line += child.type in ("softbreak", "hardbreak")
                if child.type == "value":
                    yield child.content, line


@dataclass(slots=True)
class Section:
    """What stands below a heading; the first section of a page has none.

    Attributes:
        heading: The heading, as prose within one line.
        anchor: The id of the section on the page.
        parts: What stands there.
    """

    heading: str
    anchor: str
    parts: list[Prose | Fence] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PageText:
    """A page as it is written.

    Attributes:
        path: The file, below the project's folder.
        front: The text of its front matter, which begins on line 2.
        sections: Its sections.
    """

    path: Path
    front: str
    sections: Sequence[Section]

    @property
    def name(self) -> str:
        """What the page is called in addresses."""
        return self.path.stem


Values: TypeAlias = Mapping[str, str]
"""HTML for each value that prose names."""


def read_text(path: Path, text: str) -> PageText:
    """Read the text of a page.

    Raises:
        ProjectError: it has no front matter, or a block that does not end.
    """
    text = text.replace("\r\n", "\n")
    found = FRONT.match(text)
    if found is None:
        raise ProjectError(
            f"{path}:1: a page begins with its title, between two lines of dashes:\n"
            "---\ntitle: Spending\n---"
        )
    above = found[0].count("\n")
    # Below as many empty lines as the front matter had, every line is that of the file.
    body = "\n" * above + text[found.end() :]
    tokens = _markdown().parse(body)
    _refuse_open_fence(path, tokens, body.split("\n"))
    return PageText(path, found[1], list(_sections(tokens)))


def line_of(front: str, key: str) -> int:
    """The line of a file on which its front matter has a key."""
    found = re.search(rf"^[ \t]*[\"']?{re.escape(key)}[\"']?[ \t]*:", front, re.MULTILINE)
    return 2 + front.count("\n", 0, found.start()) if found else 2


def _refuse_open_fence(path: Path, tokens: Sequence[Token], lines: Sequence[str]) -> None:
    """Refuse a fence that nothing ends: all that follows would be in the block."""
    for token in tokens:
        if token.type == "fence" and token.map:
            begin, end = token.map
            if end - begin < 2 or not lines[end - 1].strip().startswith(token.markup):  # noqa: PLR2004
                raise ProjectError(
                    f"{path}:{begin + 1}: the block {token.markup}{token.info} does not end: "
                    f"write {token.markup} on a line below it"
                )


def _sections(tokens: Sequence[Token]) -> Iterator[Section]:
    section, seen, place = Section("", ""), set[str](), 0
    while place < len(tokens):
        token = tokens[place]
        if token.type == "heading_open" and token.tag in ("h1", "h2"):
            yield section
            heading = tokens[place + 1].content
            section = Section(heading, _anchor(heading, seen))
            place += 3
            continue
        if token.type == "fence" and token.info.strip() not in PLAIN:
            kind, *words = token.info.split()
            line = token.map[0] + 2 if token.map else 1
            section.parts.append(Fence(kind, tuple(words), token.content, line))
        elif section.parts and isinstance(section.parts[-1], Prose):
            section.parts[-1] = Prose([*section.parts[-1].tokens, token], section.parts[-1].line)
        else:
            section.parts.append(Prose([token], token.map[0] + 1 if token.map else 1))
        place += 1
    yield section


def _anchor(heading: str, seen: set[str]) -> str:
    """An id for a heading; of two that read alike, the second one is numbered."""
    plain = re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") or "section"
    anchor, number = plain, 1
    while anchor in seen:
        number += 1
        anchor = f"{plain}-{number}"
    seen.add(anchor)
    return anchor


def rendered(prose: Prose, values: Values) -> str:
    """Prose as HTML, in which no value is read as Markdown or HTML.

    Args:
        prose: The prose.
        values: HTML for each value that it names.
    """
    markdown = _markdown()
    html: str = markdown.renderer.render(prose.tokens, markdown.options, {"values": values})
    return html


def rendered_line(text: str, values: Values) -> str:
    """One line of Markdown as HTML, without a paragraph around it."""
    html: str = _markdown().renderInline(text, {"values": values})
    return html


def values_in(text: str) -> list[str]:
    """The values that one line of Markdown names."""
    (line,) = _markdown().parseInline(text)
    return [it.content for it in line.children or () if it.type == "value"]


@cache
def _markdown() -> MarkdownIt:
    # HTML in a page is text, and pictures would have to come from somewhere.
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    markdown.inline.ruler.before("emphasis", "value", _read_value)
    markdown.add_render_rule("value", _render_value)
    return markdown


def _read_value(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - markdown-it calls it so
    found = VALUE.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        state.push("value", "", 0).content = found[1]
    state.pos = found.end()
    return True


def _render_value(
    _renderer: RendererProtocol,
    tokens: Sequence[Token],
    place: int,
    _options: object,
    env: Mapping[str, Values],
) -> str:
    html: str = env["values"][tokens[place].content]
    return html
