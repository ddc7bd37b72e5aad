"""What runs during the bench: the console, PostgreSQL, the Django peer. Each ends with its `with`."""

import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECRET_KEY = "00112233445566778899aabbccddeeff" * 4


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def kilobytes(pid, name, file="status"):
    """A line of /proc/PID/status or of another file like it."""
    for line in pathlib.Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise KeyError(name)


def ended(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Console:
    """A console with the demo's people, and whatever else is in its database."""

    def __init__(self, binary, url):
        self.binary, self.url, self.port, self.process = binary, url, free_port(), None

    def start(self):
        environment = {k: v for k, v in os.environ.items() if not k.startswith("BILLING_")}
        environment |= {"BILLING_SECRET_KEY": SECRET_KEY, "BILLING_LOG": "error"}
        self.process = subprocess.Popen(
            [self.binary, "demo", "--database-url", self.url, "--listen", f"127.0.0.1:{self.port}"],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        return self

    def until_ready(self, path="/readyz"):
        address = f"http://127.0.0.1:{self.port}{path}"
        for _ in range(120_000):
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(address) as answer:
                    answer.read()
                    return self
            if self.process.poll() is not None:
                raise SystemExit("bench: the console did not start")
            time.sleep(0.0005)
        raise SystemExit("bench: the console was not ready within a minute")

    def __enter__(self):
        return self.start().until_ready()

    def __exit__(self, *_):
        ended(self.process)


def time_to_first_page(binary, url):
    """Seconds from the process's start to the whole sign-in page."""
    console = Console(binary, url)
    began = time.perf_counter()
    console.start().until_ready("/sign-in")
    took = time.perf_counter() - began
    ended(console.process)
    return took


class Postgres:
    """A server of its own, which writes to disk as a customer's does."""

    def __init__(self, folder):
        self.folder, self.port = folder / "postgres", free_port()
        found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
        self.programs = found[-1] if found else pathlib.Path(shutil.which("initdb") or "initdb").parent
        self.url = f"postgres://postgres@127.0.0.1:{self.port}/postgres"

    def run(self, program, *arguments):
        command = [str(self.programs / program), *arguments]
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            command = ["runuser", "-u", "postgres", "--", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")

    def __enter__(self):
        self.folder.mkdir()
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        self.run("initdb", "-D", str(self.folder / "data"), "-U", "postgres", "--auth=trust", "--encoding=UTF8")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c shared_buffers=512MB"
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-l", log, "-o", options, "-w", "start")
        return self

    def execute(self, statements):
        for statement in statements:
            subprocess.run(
                [self.programs / "psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", self.url, "-c", statement], check=True
            )

    def __exit__(self, *_):
        self.run("pg_ctl", "-D", str(self.folder / "data"), "-m", "fast", "-w", "stop")


class Peer:
    """The same page in Django, on the same SQLite file."""

    def __init__(self, database):
        self.database, self.port = database, free_port()
        self.folder = ROOT / "benches/peers/django"

    def __enter__(self):
        command = [self.folder / "run", self.database, str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        if self.process.stdout.readline().strip() != "ready":
            raise SystemExit("bench: the Django peer did not start: run benches/peers/django/run to see why")
        return self

    def cookie(self, user):
        python = ROOT / "target/peers/django/bin/python"
        made = subprocess.run(
            [python, self.folder / "make_session.py", self.database, user], check=True, stdout=subprocess.PIPE, text=True
        )
        return made.stdout.strip()

    def processes(self):
        """Its processes' ids: the first one and those that it forked."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [self.process.pid, *map(int, children)]

    def __exit__(self, *_):
        ended(self.process)


def proportional_set(pids):
    """Memory in kB: what is shared is counted once, in parts."""
    return sum(kilobytes(pid, "Pss", "smaps_rollup") for pid in pids)
