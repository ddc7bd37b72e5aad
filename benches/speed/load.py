"""wrk, and what it tells."""

import dataclasses
import json
import pathlib
import statistics
import subprocess

SCRIPT = pathlib.Path(__file__).with_name("wrk.lua")


@dataclasses.dataclass
class Run:
    """One run of wrk. `rate`: good answers a second; times in milliseconds."""

    rate: float
    turned_away: float
    median: float
    p99: float
    lost: int


def start(port, path, cookies, connections, seconds, looks=False):
    command = ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", SCRIPT]
    command += [f"http://127.0.0.1:{port}", "--", path, "look" if looks else "", *cookies]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def read(process):
    output, _ = process.communicate()
    if process.returncode != 0:
        raise SystemExit("bench: wrk failed")
    told = json.loads(output.splitlines()[-1])
    if told["odd"]:
        raise SystemExit(f"bench: {told['odd']} answers were neither 200 nor 503: {told['odd_status']}")
    seconds = told["microseconds"] / 1e6
    return Run(
        rate=(told["requests"] - told["turned_away"]) / seconds,
        turned_away=told["turned_away"] / seconds,
        median=told["p50"] / 1000,
        p99=told["p99"] / 1000,
        lost=told["lost"],
    )


def run(port, path, cookies, connections=16, seconds=5, looks=False):
    """Good answers only, unless the caller looks at `turned_away`. An answer other than 200 and 503 ends the bench if it
    `looks`."""
    return read(start(port, path, cookies, connections, seconds, looks))


def alternate(rounds, *kinds):
    """Runs each kind once a round; for each the list of its runs. An answer that is not good ends the bench."""
    results = [[] for _ in kinds]
    for _ in range(rounds):
        for kind, runs in zip(kinds, results):
            one = kind()
            if one.turned_away or one.lost:
                raise SystemExit(f"bench: not every answer was good: {one}")
            runs.append(one)
    return results


def median(runs, of="rate"):
    return statistics.median(getattr(one, of) for one in runs)
