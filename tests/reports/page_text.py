"""A page taken apart: its tags, its text, and the numbers that its script would draw."""

from __future__ import annotations

import base64
import json
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np

from huracan.reports import write_report, write_sweep_report
from huracan.sim.result import Result
from huracan.sim.sweep_result import SweepResult

EVIL = "</title></script><script>alert(1)</script><img src=x onerror=y> \"'`& {{ 7 * 7 }} 🦄 \u202eשלום"
VOID = {"meta", "img", "br", "hr", "link", "input"}


class PageText(HTMLParser):
    """A page taken apart: its tags with attributes, its text, and tags that were never closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.pieces: list[str] = []
        self.scripts: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
        if tag not in VOID and not (self.get_starttag_text() or "").endswith("/>"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "script" in self.open:
            self.scripts[-1] += data
        elif "style" not in self.open:
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def words(self) -> str:
        """The text with one space between cells and words."""
        return " ".join(" ".join(self.pieces).split())

    @property
    def plots(self) -> dict[str, Any]:
        """The descriptions of the charts."""
        found: dict[str, Any] = json.loads(self.scripts[0])["plots"]
        return found

    def column(self, number: int) -> Any:
        """One packed column, undone without the code that packed it."""
        each = json.loads(self.scripts[0])["columns"][number]
        raw = zlib.decompress(base64.b64decode(self.scripts[1]))
        n, at, steps, sum_ = each["n"], each["at"], [], 0
        for i in range(n):
            z = sum(raw[at + b * n + i] << (8 * b) for b in range(4))
            sum_ += -(z >> 1) - 1 if z & 1 else z >> 1
            steps.append(sum_)
        return np.array([np.nan if s < 0 else each["base"] + s * each["step"] for s in steps])


def page_of(result: Result | SweepResult, tmp_path: Path) -> PageText:
    """The page that a result writes."""
    path = tmp_path / "report.html"
    if isinstance(result, SweepResult):
        write_sweep_report(result, path)
    else:
        write_report(result, path)
    return PageText(path.read_text("utf-8"))
