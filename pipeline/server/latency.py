"""How fast a server answers over HTTP, as measured by clients that keep their connections and never pause."""

import http.client
import itertools
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from tqdm import tqdm

CLIENTS = (1, 8, 32)  # at once
REQUESTS = 480  # in all, for each number of clients
WARM_UP = 32  # before those that count
WORDS = 230  # of a text: the mean of IMDB's reviews


def measure(address: str, requests: int = REQUESTS, clients: Sequence[int] = CLIENTS) -> dict[int, dict[str, float]]:
    """For each number of clients: p50_seconds, p95_seconds and requests_per_second of the example that / shows."""
    body = json.dumps(_lengthened(_once(address, "GET", "/example"))).encode()
    _asked(address, body, WARM_UP)
    latencies = {}
    with tqdm(total=requests * len(clients), unit="request", desc="asking", disable=None) as bar:
        for number in clients:
            share = requests // number
            begun = time.perf_counter()
            with ThreadPoolExecutor(number) as pool:
                waited = [*pool.map(lambda _: _asked(address, body, share), range(number))]  # noqa: B023
            rate = number * share / (time.perf_counter() - begun)
            seconds = np.concatenate(waited)
            latencies[number] = {
                "p50_seconds": float(np.percentile(seconds, 50)),
                "p95_seconds": float(np.percentile(seconds, 95)),
                "requests_per_second": rate,
            }
            bar.update(number * share)
    return latencies


def _asked(address: str, body: bytes, times: int) -> list[float]:
    """Seconds of each of so many requests over one connection; the clock stops when the response is read."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        seconds.append(time.perf_counter() - begun)
        if answer.status != 200:
            raise RuntimeError(f"{address} answers {answer.status} to its own example: {content.decode()[:200]}")
    connection.close()
    return seconds


def _once(address: str, method: str, path: str) -> Any:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)
    connection.request(method, path)
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


def _lengthened(example: dict[str, Any]) -> dict[str, Any]:
    """The example, with a single text repeated up to `WORDS` words; a window of a series is unchanged."""
    rows = example["dataframe_records"]
    if len(rows) > 1:
        return example
    return {"dataframe_records": [{name: _repeated(value) for name, value in row.items()} for row in rows]}


def _repeated(value: Any) -> Any:
    return " ".join(itertools.islice(itertools.cycle(value.split()), WORDS)) if isinstance(value, str) else value
