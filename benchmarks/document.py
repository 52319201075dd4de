"""Figures in a document, between two marks."""

from pathlib import Path


def replace_figures(path: Path, figures: str, of: str = "") -> None:
    """Put figures in place of those that a document has, of something where it has several."""
    name = f"figures of {of}" if of else "figures"
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    path.write_text(f"{before}{begin}\n{figures}\n{end}{after}", encoding="utf-8")
