"""How fast the console is, as ratios within one run; writes the figures into docs/PERFORMANCE.md.

    python3 benches/speed/main.py BINARY COMMIT       (bin/bench speed builds the binary and calls this)

BENCH_ROUNDS (5), BENCH_SECONDS (5) and BENCH_SCALE (1: 20,000 customers) make it shorter; then nothing is written.
"""

import contextlib
import math
import os
import pathlib
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time

import report
from browser import CARDS, Browser
from bystanders import Bystanders
from data import email, fill
from load import alternate, median, read, run, start
from servers import ROOT, Console, Peer, Postgres, kilobytes, proportional_set, time_to_first_page

ROUNDS = int(os.environ.get("BENCH_ROUNDS", 5))
SECONDS = int(os.environ.get("BENCH_SECONDS", 5))
SCALE = float(os.environ.get("BENCH_SCALE", 1))
MOST_CONNECTIONS = 8000  # a process may have some 20,000 files open
TAB, HEALTH = "/billing/payment-methods", "/healthz"
PEOPLE = 64
# Customers besides the many that have ten groups.
WITH_50, WITH_1000 = 9_000_001, 9_000_002


def say(words):
    print(f"bench: {words}", flush=True)


def customers(count, scale=SCALE):
    return max(PEOPLE, round(count * scale))


def cookies(console, count, people=PEOPLE):
    """People signed in, spread evenly over so many customers."""
    return [Browser(console.port).sign_in(number * count // people).cookie for number in range(people)]


def database(folder, binary, name, statements):
    """A SQLite file with the demo's people and those of `statements`."""
    path = folder / f"{name}.db"
    with Console(binary, f"sqlite:{path}"):
        pass
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for statement in statements:
            connection.execute(statement)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def many(count):
    return fill(count, 10, 0) + fill(1, 50, WITH_50) + fill(1, 1000, WITH_1000)


def tab_against_healthz(console, people, figures, where, goal):
    tab, health = alternate(
        ROUNDS,
        lambda: run(console.port, TAB, people, seconds=SECONDS),
        lambda: run(console.port, HEALTH, people, seconds=SECONDS),
    )
    figures.add(
        f"the tab's throughput ÷ /healthz's, {where}",
        median(tab) / median(health),
        at_least=goal,
        note=f"{median(tab):,.0f} and {median(health):,.0f} a second; the tab's median {median(tab, 'median'):.2f} ms, "
        f"99 % within {median(tab, 'p99'):.2f} ms",
    )


def rows_on_the_page(console, figures):
    people = {n: [Browser(console.port).sign_in(n).cookie] for n in (WITH_50, WITH_1000)}
    thousand, fifty = alternate(
        ROUNDS,
        lambda: run(console.port, TAB, people[WITH_1000], seconds=SECONDS),
        lambda: run(console.port, TAB, people[WITH_50], seconds=SECONDS),
    )
    figures.add(
        "the first 50 of 1,000 groups ÷ all of 50 groups",
        median(thousand) / median(fifty),
        at_least=0.5,
        note=f"{median(thousand):,.0f} and {median(fifty):,.0f} pages a second",
    )


def overload(console, people, figures):
    """Twice as many requests as it can answer: how much of the best rate is left for good answers.

    Who is turned away is told so after some 90 ms and asks again at once. wrk looks at every answer here, at the best rate
    too, so that it costs both the same.
    """
    peaks, crowds, told, lost = [], [], [], 0
    connections = enough_for_twice(console, people)
    for _ in range(ROUNDS):
        peaks.append(run(console.port, TAB, people, seconds=SECONDS, looks=True))
        with Bystanders(console.port, TAB, people[:4]) as bystanders:
            crowds.append(run(console.port, TAB, people, connections, SECONDS, looks=True))
        told += bystanders.answers
        lost += crowds[-1].lost + len(bystanders.lost)
    peak = median(peaks)
    offered = (median(crowds) + median(crowds, "turned_away")) / peak
    figures.add(
        "good answers while far more is asked for than can be answered ÷ the best rate",
        median(crowds) / peak,
        at_least=0.9,
        note=f"{offered:.1f} times the best rate was asked for over {connections:,} connections, each answer a page or a 503; "
        f"{lost} requests got no answer",
    )
    busy(told, figures)


def enough_for_twice(console, people):
    """So many connections that all of them together ask twice as often as can be answered, or as often as they get to."""
    peak = run(console.port, TAB, people, seconds=SECONDS, looks=True).rate
    connections = round(peak * 2 * 0.09)
    for _ in range(5):
        crowd = run(console.port, TAB, people, connections, SECONDS, looks=True)
        offered = (crowd.rate + crowd.turned_away) / peak
        if offered >= 2:
            break
        connections = min(round(connections * 2.1 / offered), 2 * connections, MOST_CONNECTIONS)
    return connections


def busy(told, figures):
    """What the bystanders were told: pages, or 503 and when to ask again."""
    name = "a 503 while far more is asked for, ms"
    refused = [answer for answer in told if answer.status == 503]
    for answer in told:
        if answer.status not in (200, 503):
            raise SystemExit(f"bench: an answer was neither 200 nor 503: {answer}")
    for answer in refused:
        if not (answer.retry_after or "").isdigit():
            raise SystemExit(f"bench: a 503 without Retry-After: {answer}")
    if not refused:
        figures.add(name, math.nan, note=f"none: each of the {len(told)} answers to four bystanders was a page")
        return
    times = sorted(answer.milliseconds for answer in refused)
    median_time, p99 = statistics.median(times), times[len(times) * 99 // 100]
    figures.add(
        name,
        p99,
        at_most=100,
        note=f"99 % within this, half within {median_time:.0f} ms; {len(refused)} of the {len(told)} answers to four bystanders, "
        "every one with Retry-After",
    )


def in_the_database(folder, binary, figures):
    """Pages of ten groups, with a thousand times as many in the database."""
    few, lots = 100, customers(100_000)
    with contextlib.ExitStack() as stack:
        consoles = []
        for count in (few, lots):
            path = database(folder, binary, f"groups-{count}", fill(count, 10, 0))
            console = stack.enter_context(Console(binary, f"sqlite:{path}"))
            consoles.append((console, cookies(console, count)))
        small, large = alternate(
            ROUNDS, *(lambda c=console, p=people: run(c.port, TAB, p, seconds=SECONDS) for console, people in consoles)
        )
    figures.add(
        f"the tab with {lots * 10:,} groups in the database ÷ with {few * 10:,}",
        median(large) / median(small),
        at_least=0.85,
        note=f"{median(large):,.0f} and {median(small):,.0f} pages a second",
    )


def card_to_disk(console, path, figures):
    """A card's post until it is answered, and one row written through to the same disk, in turn."""
    group = f"00000000-0000-7000-8000-{200_000_000_000 + 1}"
    browser = Browser(console.port).sign_in(0)
    file = path.with_name("one-row.db")
    posts, inserts = [], []
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE t (a TEXT)")
        for turn in range(20 * ROUNDS):
            posts.append(browser.register_a_card(group, CARDS[turn % 2]))
            began = time.perf_counter()
            connection.execute("INSERT INTO t VALUES ('one row')")
            inserts.append(time.perf_counter() - began)
    post, insert = statistics.median(posts), statistics.median(inserts)
    figures.add(
        "a card's post until committed ÷ one row written through",
        post / insert,
        at_most=6,
        note=f"{post * 1000:.2f} ms and {insert * 1000:.2f} ms, medians of {len(posts)}",
    )


def against_django(console, path, people, figures):
    with Peer(path) as peer:
        theirs = [peer.cookie(email(number)) for number in range(0, customers(20_000), customers(20_000) // 16)]
        ours, django = alternate(
            ROUNDS,
            lambda: run(console.port, TAB, people, seconds=SECONDS),
            lambda: run(peer.port, TAB, theirs, seconds=SECONDS),
        )
        memory = proportional_set([console.process.pid]), proportional_set(peer.processes())
    figures.add(
        "the tab's throughput ÷ Django's with gunicorn",
        median(ours) / median(django),
        at_least=25,
        note=f"{median(ours):,.0f} and {median(django):,.0f} pages a second",
    )
    figures.add(
        "the tab's p99 at 16 clients ÷ Django's",
        median(ours, "p99") / median(django, "p99"),
        at_most=0.1,
        note=f"{median(ours, 'p99'):.2f} ms and {median(django, 'p99'):.2f} ms",
    )
    figures.add(
        "memory ÷ Django's",
        memory[0] / memory[1],
        at_most=1 / 3,
        note=f"{memory[0] / 1024:.0f} MB and {memory[1] / 1024:.0f} MB, shared pages counted once",
    )


def on_postgres(folder, binary, figures):
    count = customers(20_000)
    with Postgres(folder) as server:
        one, two = Console(binary, server.url), Console(binary, server.url)
        with one:
            server.execute(many(count) + ["ANALYZE"])
        with one, two:
            people = cookies(one, count)
            tab_against_healthz(one, people, figures, "PostgreSQL", None)

            def both():
                half = [start(node.port, TAB, people, 8, SECONDS) for node in (one, two)]
                runs = [read(process) for process in half]
                runs[0].rate += runs[1].rate
                return runs[0]

            alone, together = alternate(ROUNDS, lambda: run(one.port, TAB, people, seconds=SECONDS), both)
    figures.add(
        "two nodes on one PostgreSQL ÷ one node",
        median(together) / median(alone),
        note=f"{median(together):,.0f} and {median(alone):,.0f} pages a second, all on these cores",
    )


def main(binary, commit):
    figures = report.Figures()
    work = ROOT / "target/bench"
    work.mkdir(parents=True, exist_ok=True)
    # PostgreSQL's user must get there.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="speed-", dir=None if os.geteuid() == 0 else work))
    folder.chmod(0o755)
    try:
        count = customers(20_000)
        say(f"{count:,} customers with ten groups each")
        path = database(folder, binary, "tab", many(count))
        url = f"sqlite:{path}"
        starts = [time_to_first_page(binary, url) for _ in range(ROUNDS)]
        with Console(binary, url) as console:
            people = cookies(console, count)
            say("the tab")
            tab_against_healthz(console, people, figures, "SQLite", 0.25)
            rows_on_the_page(console, figures)
            rss, own = (kilobytes(console.process.pid, name) / 1024 for name in ("VmRSS", "RssAnon"))
            once = proportional_set([console.process.pid]) / 1024
            say("the tab in Django")
            against_django(console, path, people, figures)
            say("a card to the disk")
            card_to_disk(console, path, figures)
            say("more than it can do")
            overload(console, people, figures)
        say("many groups in the database")
        in_the_database(folder, binary, figures)
        say("PostgreSQL")
        on_postgres(folder, binary, figures)
        figures.add("resident memory after the tab's run, MB", rss, at_most=40, note=f"{own:.0f} MB its own; {once:.0f} MB "
                    "where a page of the database's file that several connections map is counted once")
        figures.add("process start to the first page, ms", statistics.median(starts) * 1000, at_most=150)
        figures.add("release binary, MB", pathlib.Path(binary).stat().st_size / 1e6, at_most=25)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(figures.table())
    if (ROUNDS, SECONDS, SCALE) == (5, 5, 1):
        figures.write(ROOT / "docs/PERFORMANCE.md", commit)
        say("written to docs/PERFORMANCE.md")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("say main.py BINARY COMMIT")
    main(sys.argv[1], sys.argv[2])
