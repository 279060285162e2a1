"""Load on servers, by `hey` (Debian's package hey): requests per second, p50 and p95 of 1, 8 and 32 clients.

    python tests/load_served.py TASK [NAME=CHECKOUT ...]      from the folder of a project with a champion of TASK

Each CHECKOUT is a folder with this project's code; its server is started on the project's champion, so that an old and
a new one can be compared in one run. Their rounds alternate, as a machine may be busy for a while; the median counts.
Without any, the server of this checkout is measured. With --burst, 2,000 requests at once follow; with --minutes, a
steady load of 32 clients, whose latency and memory are printed for each minute.
"""

import argparse
import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import numpy as np
import psutil

CLIENTS = (1, 8, 32)
ROUNDS = 3
SECONDS = 5  # of each measurement
WORDS = 230  # of a text: the mean of IMDB's reviews
BURST = 2000


@contextmanager
def started(task, code):
    """A server with the code of a folder: its address, its process, and the seconds until its first answer."""
    words = [sys.executable, "-m", "pipeline.serve", "--task", task, "--port", "0"]
    begun = time.perf_counter()
    process = subprocess.Popen(words, env={**os.environ, "PYTHONPATH": code}, stdout=subprocess.PIPE, text=True)
    try:
        address = process.stdout.readline().partition(" on ")[2].split()[0]
        get(f"{address}/ping")
        yield address, process, time.perf_counter() - begun
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)


def get(address):
    with urllib.request.urlopen(address, timeout=30) as answer:
        return answer.read()


def body_of(address):
    """The server's example, a single text made as long as a review."""
    example = json.loads(get(f"{address}/example"))
    rows = example["dataframe_records"]
    if len(rows) == 1:
        rows = [{key: " ".join((value.split() * WORDS)[:WORDS]) for key, value in rows[0].items()}]
    return json.dumps({"dataframe_records": rows})


def hey(address, body, clients, *length):
    """Seconds of each response, its status, and requests per second, as `hey` measured them."""
    place = Path(f".hey-{os.getpid()}.json")
    place.write_text(body)
    words = ["hey", "-o", "csv", "-t", "60", "-c", str(clients), *length, "-m", "POST", "-T", "application/json"]
    try:
        printed = subprocess.run(
            [*words, "-D", str(place), f"{address}/invocations"], capture_output=True, text=True, check=True
        ).stdout
    finally:
        place.unlink()
    rows = list(csv.DictReader(io.StringIO(printed)))
    seconds = np.array([float(row["response-time"]) for row in rows])
    ends = [float(row["offset"]) + float(row["response-time"]) for row in rows]
    return seconds, Counter(row["status-code"] for row in rows), len(rows) / max(ends)


def megabytes(process):
    """Resident memory."""
    return psutil.Process(process.pid).memory_info().rss / 2**20


def compare(servers, bodies):
    """The table: for each server and number of clients the medians of all rounds."""
    print(f"{'server':12} clients  requests/s  p50 ms  p95 ms")
    for clients in CLIENTS:
        rounds = {name: [] for name in servers}
        for _ in range(ROUNDS):
            for name, (address, _, _) in servers.items():
                seconds, statuses, rate = hey(address, bodies[name], clients, "-z", f"{SECONDS}s")
                assert {*statuses} == {"200"}, statuses
                rounds[name].append((rate, *np.percentile(seconds, (50, 95)) * 1e3))
        for name, measured in rounds.items():
            rate, middle, high = (median(values) for values in zip(*measured, strict=True))
            print(f"{name:12} {clients:7}  {rate:10.0f}  {middle:6.1f}  {high:6.1f}", flush=True)


def burst(name, server, body):
    address, process, _ = server
    seconds, statuses, _ = hey(address, body, BURST, "-n", str(BURST))
    shares = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    print(f"{name}: {BURST} at once: {shares}, slowest {seconds.max():.2f} s, then {megabytes(process):.0f} MB")


def steady(name, server, body, minutes):
    address, process, _ = server
    for minute in range(1, minutes + 1):
        seconds, statuses, rate = hey(address, body, 32, "-z", "60s")
        middle, high = np.percentile(seconds, (50, 95)) * 1e3
        print(
            f"{name}: minute {minute}: {rate:.0f} requests/s, p50 {middle:.1f} ms, p95 {high:.1f} ms, "
            f"{megabytes(process):.0f} MB, {dict(statuses)}", flush=True,
        )  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task")
    parser.add_argument("checkouts", nargs="*", help="NAME=CHECKOUT")
    parser.add_argument("--burst", action="store_true")
    parser.add_argument("--minutes", type=int, default=0)
    options = parser.parse_args()
    named = [each.partition("=")[::2] for each in options.checkouts] or [("here", str(Path(__file__).parent.parent))]
    with ExitStack() as stack:
        servers = {name: stack.enter_context(started(options.task, code)) for name, code in named}
        for name, (_, process, seconds) in servers.items():
            print(f"{name}: first answer after {seconds:.1f} s, {megabytes(process):.0f} MB")
        bodies = {name: body_of(address) for name, (address, _, _) in servers.items()}
        compare(servers, bodies)
        for name, server in servers.items():
            if options.burst:
                burst(name, server, bodies[name])
            steady(name, server, bodies[name], options.minutes)


if __name__ == "__main__":
    main()
