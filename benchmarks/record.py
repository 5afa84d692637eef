"""What a run of a benchmark has measured: printed as it comes, saved as JSON at the end."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from timing import goal, report

from napari_diversify.core.blocks import workers

#: Where the docs look for figures.
DOCS = Path(__file__).parents[1] / "docs" / "benchmarks"


class Record:
    """Tables, curves and goals of one run.

    Parameters
    ----------
    packages : sequence of str
        Whose versions are noted, beside those that every run depends on.
    """

    def __init__(self, *packages: str) -> None:
        self._packages = ("napari-diversify", "numpy", "scipy", "numba", *packages)
        self.tables: list[dict[str, Any]] = []
        self.curves: list[dict[str, Any]] = []
        self.goals: list[dict[str, Any]] = []

    def table(self, title: str, values: Mapping[str, float], unit: str, ours: str) -> None:
        """Print and keep alternatives to what is ours."""
        report(title, {name: (value, unit) for name, value in values.items()}, ours)
        self.tables.append({"title": title, "unit": unit, "ours": ours, "values": dict(values)})

    def curve(
        self, title: str, x: str, unit: str, lines: Mapping[str, Mapping[float, float]]
    ) -> None:
        """Print and keep values against a size: a column per size, a row per line."""
        sizes = sorted({size for line in lines.values() for size in line})
        print(f"\n{title}, {unit}\n  {x:<42}" + "".join(f"{size:>16,.0f}" for size in sizes))
        for name, line in lines.items():
            cells = (f"{line[size]:>16,.3f}" if size in line else " " * 16 for size in sizes)
            print(f"  {name:<42}" + "".join(cells), flush=True)
        points = {name: [list(point) for point in line.items()] for name, line in lines.items()}
        self.curves.append({"title": title, "x": x, "unit": unit, "lines": points})

    def goal(self, what: str, reached: float, wanted: float, *, at_most: bool = False) -> None:
        """Print and keep whether a goal is met."""
        met = goal(what, reached, wanted, at_most=at_most)
        limit = {"at_most" if at_most else "at_least": wanted}
        self.goals.append({"goal": what, "reached": reached, **limit, "met": met})

    @property
    def all_met(self) -> bool:
        """Whether no goal was missed."""
        return all(goal["met"] for goal in self.goals)

    def save(self, name: str, plot: str) -> None:
        """Write the figures and their plot for the docs."""
        DOCS.mkdir(exist_ok=True)
        content = {
            "machine": machine(self._packages),
            "tables": self.tables,
            "curves": self.curves,
            "goals": self.goals,
        }
        text = json.dumps(_rounded(content), indent=1, ensure_ascii=False)
        (DOCS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        (DOCS / f"{name}.svg").write_text(plot, encoding="utf-8")
        print(f"\nwrote {name}.json and {name}.svg to docs/benchmarks")


def machine(packages: tuple[str, ...]) -> dict[str, Any]:
    """The machine in general words: a kind of processor, its cores, versions."""
    versions = {"python": platform.python_version()}
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return {
        "processor": _processor(),
        "cores": workers(),
        "system": platform.system(),
        "versions": versions,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _rounded(content: Any) -> Any:
    """Four digits are more than a timing is worth."""
    if isinstance(content, dict):
        return {key: _rounded(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_rounded(value) for value in content]
    return float(f"{content:.4g}") if isinstance(content, float) else content
