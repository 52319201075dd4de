"""Figures in a document, between two marks."""

from pathlib import Path

BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def replace_figures(path: Path, figures: str) -> None:
    """Put figures in place of those that a document has."""
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n{figures}\n{END}{after}", encoding="utf-8")
