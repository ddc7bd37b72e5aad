"""The figures, and the page that keeps them."""

import dataclasses
import datetime
import os
import re

BEGIN, END = "<!-- figures -->", "<!-- /figures -->"


@dataclasses.dataclass
class Figure:
    """One figure; `goal` in words, empty where it is only reported."""

    name: str
    value: float
    goal: str
    is_met: bool
    note: str


class Figures:
    def __init__(self):
        self.all = []

    def add(self, name, value, at_least=None, at_most=None, note=""):
        goal, is_met = "", True
        if at_least is not None:
            goal, is_met = f"at least {at_least:.3g}", value >= at_least
        if at_most is not None:
            goal, is_met = f"at most {at_most:.3g}", value <= at_most
        self.all.append(Figure(name, value, goal, is_met, note))
        print(f"bench: {name}: {value:.3g} ({goal or 'reported'}) {note}", flush=True)

    def table(self):
        lines = ["| figure | measured | goal | | |", "|---|---|---|---|---|"]
        for one in self.all:
            verdict = "" if not one.goal else "met" if one.is_met else "**missed**"
            lines.append(f"| {one.name} | {one.value:.3g} | {one.goal} | {verdict} | {one.note} |")
        return "\n".join(lines)

    def write(self, path, commit):
        """Replaces what stands between the page's two marks; the rest of it is written by hand."""
        with open("/proc/meminfo", encoding="ascii") as meminfo:
            memory = int(re.search(r"MemTotal: +(\d+)", meminfo.read()).group(1)) / 1024**2
        run = f"{datetime.date.today():%-d %B %Y}; {os.cpu_count()} cores, {memory:.0f} GiB; commit {commit}"
        page = path.read_text(encoding="utf-8")
        before, rest = page.split(BEGIN)
        after = rest.split(END)[1]
        path.write_text(f"{before}{BEGIN}\n{run}\n\n{self.table()}\n{END}{after}", encoding="utf-8")
