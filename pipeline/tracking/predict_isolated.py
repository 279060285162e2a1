"""Predict requests with a package, in a process whose only code of this project is the package's.

Started by its path (pipeline/tracking/isolated.py does), from an empty folder, with the model's URI:

    python -P .../predict_isolated.py models:/imdb/3

reads   requests.parquet, work.json
writes  answers.parquet, seconds.json; or error.txt, one line
"""

import json
import sys
import time
import traceback
from pathlib import Path

WARM_UP = 5  # single requests before those that are timed


def main(uri: str) -> None:
    sys.meta_path[:] = [f for f in sys.meta_path if not getattr(f, "__module__", "").startswith("__editable__")]
    import mlflow.pyfunc  # only now: an editable install would supply this project's `pipeline`
    import pandas as pd
    import torch

    work = json.loads(Path("work.json").read_text(encoding="utf-8"))
    requests = pd.read_parquet("requests.parquet")
    model = mlflow.pyfunc.load_model(uri, suppress_warnings=True)
    model.predict(requests).to_parquet("answers.parquet", index=False)
    seconds = []
    torch.set_num_threads(1)  # as a server answers a request (packages.py)
    for number, (begin, end) in enumerate(work["singles"][:WARM_UP] + work["singles"]):
        request = requests.iloc[begin:end].reset_index(drop=True)
        start = time.perf_counter()
        model.predict(request)
        seconds += [time.perf_counter() - start] if number >= min(WARM_UP, len(work["singles"])) else []
    Path("seconds.json").write_text(json.dumps(seconds))


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Exception as error:
        traceback.print_exc()
        message = str(error).rsplit("\nError: ", 1)[-1] or type(error).__name__
        Path("error.txt").write_text(" ".join(message.split()), encoding="utf-8")
        sys.exit(1)
