"""HTTP requests: brief failures are retried, and errors are reported in a few words."""

from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NewConnectionError, TimeoutError as UrllibTimeout
from urllib3.util import Retry

RETRIES = 3
PAUSE_SECONDS = 0.2  # before the second retry, twice as long before the third; the first is immediate
BUSY = (429, 500, 502, 503, 504)  # statuses that may pass in a moment
ERRORS = (requests.RequestException, HTTPError, OSError, ValueError)  # raised for a URL that cannot be read


class RetryUnlessSilent(Retry):
    """Retries after a broken connection or a busy server, but not after a timeout."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: Any = None,
        error: Exception | None = None,
        _pool: Any = None,
        _stacktrace: Any = None,
    ) -> "RetryUnlessSilent":
        if isinstance(error, UrllibTimeout) and not isinstance(error, NewConnectionError):  # which was refused at once
            raise error
        return super().increment(method, url, response, error, _pool, _stacktrace)


def session() -> requests.Session:
    """A session that returns the last response of a server that stays busy, for the caller to check its status."""
    retry = RetryUnlessSilent(
        RETRIES, backoff_factor=PAUSE_SECONDS / 2, status_forcelist=BUSY, raise_on_status=False,
        respect_retry_after_header=False,  # its wait may be longer than any timeout of ours
    )  # fmt: skip
    made = requests.Session()
    for scheme in ("http://", "https://"):
        made.mount(scheme, HTTPAdapter(max_retries=retry))
    return made


def status_of(response: requests.Response) -> str:
    """`404 Not Found`."""
    return f"{response.status_code} {response.reason}".strip()


def reason(error: Exception) -> str:
    """The cause: the innermost error, without the names of the libraries' objects."""
    inner: Any = error.args[0] if isinstance(error, requests.RequestException | HTTPError) and error.args else error
    cause = getattr(inner, "reason", None) or inner
    return " ".join(str(cause).rpartition(": ")[2].split())
