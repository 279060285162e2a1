"""Numbers for operators, in Prometheus' format: what /metrics shows."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from pipeline.server.batches import Batch
from pipeline.server.exchange import Exchange
from pipeline.server.together import Records

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SHARES = tuple(step / 20 for step in range(1, 21))
PREFIX = "pipeline_serving_"
KIND = CONTENT_TYPE_LATEST


class Metrics:
    """All metrics of one server."""

    def __init__(self, task: str):
        self.registry = CollectorRegistry()
        self.task = task
        self.requests = Counter(
            f"{PREFIX}requests", "Requests for predictions, by status.", ["status"], registry=self.registry
        )
        self.seconds = Histogram(
            f"{PREFIX}request_seconds", "From a request's first byte to its response.", buckets=SECONDS,
            registry=self.registry,
        )  # fmt: skip
        self.batch_seconds = Histogram(
            f"{PREFIX}batch_seconds", "Time of one batch in the model.", buckets=SECONDS, registry=self.registry
        )
        self.batch_rows = Histogram(
            f"{PREFIX}batch_rows", "Rows or windows predicted together.", buckets=ROWS, registry=self.registry
        )
        self.predictions = Counter(
            f"{PREFIX}predictions", "Predictions, of labels by label.", ["label"], registry=self.registry
        )
        self.abstentions = Counter(f"{PREFIX}abstentions", "Predictions without a label.", registry=self.registry)
        self.scores = Histogram(
            f"{PREFIX}probability", "Probability of the likeliest label.", buckets=SHARES, registry=self.registry
        )
        self.open = Gauge(f"{PREFIX}open_requests", "Requests not yet answered.", registry=self.registry)
        self.queue = Gauge(f"{PREFIX}queue_length", "Requests that wait for a batch.", registry=self.registry)

    def follow(self, exchange: Exchange, queue_length: Callable[[], int]) -> None:
        """Show the state of the champion and of the queue whenever the metrics are read."""
        self.queue.set_function(queue_length)
        version = Gauge(f"{PREFIX}champion", "1 for the version served.", ["task", "version"], registry=self.registry)
        version.labels(self.task, exchange.champion.version).set(1)

        def exchanged(champion: object) -> None:
            version.clear()
            version.labels(self.task, exchange.champion.version).set(1)

        exchange.on_exchange.append(exchanged)
        states = {
            "exchanges": ("Champions exchanged since the start.", lambda: exchange.status.exchanges),
            "exchange_failures": ("Champions that could not be loaded.", lambda: exchange.status.failures),
            "champion_since_seconds": ("When the version began to serve.", lambda: exchange.status.since),
            "source_reachable": ("0 if the registry cannot be asked.", lambda: exchange.status.unreachable is None),
        }
        for name, (meaning, value) in states.items():
            Gauge(f"{PREFIX}{name}", meaning, registry=self.registry).set_function(value)

    def observe(self, batch: Batch) -> None:
        self.batch_rows.observe(batch.rows)
        self.batch_seconds.observe(batch.seconds)
        for outcome in batch.outcomes:
            if not isinstance(outcome, Exception):
                self._count(outcome)

    def _count(self, predictions: Records) -> None:
        for prediction in predictions:
            if "probability" in prediction:
                self.scores.observe(prediction["probability"])
            if prediction.get("abstained"):
                self.abstentions.inc()
            else:
                self.predictions.labels(prediction.get("label") or "").inc()

    def text(self) -> bytes:
        return generate_latest(self.registry)
