"""Where MLflow keeps its runs, and whether it can be reached; imports nothing of mlflow, whose import takes seconds."""

import os
import socket
from contextlib import AbstractContextManager, nullcontext
from urllib.parse import urlsplit

from pipeline.common import InputError, command, paths, web
from pipeline.tracking import moved

SECONDS = 5  # to wait for a tracking server's answer
PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}


def uri() -> str:
    """MLFLOW_TRACKING_URI if it is set, else the project's own database, by its absolute path."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{paths.DATABASE.resolve()}"


def local() -> bool:
    """Whether runs go to a database file, with their artifacts in a folder beside it."""
    return uri().startswith("sqlite:")


def remote() -> bool:
    """Whether a tracking server keeps the runs, and not a database that this process writes itself."""
    return uri().startswith("http")


def unbroken() -> AbstractContextManager[None]:
    """Ctrl-C and SIGTERM wait for the end of a write to a database.

    A write that they cut keeps its lock as long as the process lives, and so keeps it from marking its runs as FAILED.
    Of a tracking server's answer nobody needs to wait for the end.
    """
    return nullcontext() if remote() else command.uninterrupted()


def check() -> None:
    """Raise InputError within seconds when the store cannot be reached: before anything long begins.

    The project's own database follows its folder, where that was moved or copied.
    """
    moved.follow()
    place = urlsplit(uri())
    scheme = place.scheme.split("+")[0]
    if scheme in ("http", "https"):
        _ask(f"{_public().rstrip('/')}/health")
        if _ask(f"{_public().rstrip('/')}/api/2.0/mlflow/experiments/get?experiment_id=0") in (401, 403):
            _ask_as_mlflow_does()
    elif scheme in PORTS and place.hostname:
        _connect(place.hostname, place.port or PORTS[scheme])
    elif scheme != "sqlite" and scheme not in PORTS:
        accepted = "sqlite:////absolute/path.db, http(s)://host:port, postgresql://user:password@host/database"
        raise InputError(f"MLFLOW_TRACKING_URI: {uri()!r} is not a store that MLflow 3 takes; accepted: {accepted}")


def _ask(address: str) -> int:
    """The answer's status, of one that is no failure of the server's."""
    try:
        with web.session() as session:
            answer = session.get(address, timeout=SECONDS)
    except web.ERRORS as error:
        raise InputError(_unreachable(web.reason(error))) from None
    if answer.status_code >= 500:
        raise InputError(f"MLFLOW_TRACKING_URI: {address} answers {web.status_of(answer)}")
    return answer.status_code


def _ask_as_mlflow_does() -> None:
    """With the name and password, or token, that MLflow finds: a server that wants one must take it."""
    from mlflow import MlflowClient  # seconds, but here it is needed anyway
    from mlflow.exceptions import MlflowException

    try:
        MlflowClient(uri()).search_experiments(max_results=1)
    except MlflowException as error:
        accepted = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN"
        reason = error.message.splitlines()[0] if error.message else error.error_code
        refused = f"{_public()} does not let us in ({reason})"
        raise InputError(f"MLFLOW_TRACKING_URI: {refused}; accepted: {accepted}") from None


def _connect(host: str, port: int) -> None:
    try:
        socket.create_connection((host, port), timeout=SECONDS).close()
    except OSError as error:
        raise InputError(_unreachable(error)) from None


def _unreachable(reason: object) -> str:
    instead = f"start the server, or unset the variable to use {paths.DATABASE}"
    return f"MLFLOW_TRACKING_URI: cannot reach {_public()} ({reason}): {instead}"


def _public() -> str:
    """The address without name and password."""
    parts = urlsplit(uri())
    return parts._replace(netloc=parts.netloc.rsplit("@", 1)[-1]).geturl()
