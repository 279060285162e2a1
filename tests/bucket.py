"""An S3 store on loopback that can be restarted: moto's server, which writes each change down and makes it again.

    python tests/bucket.py PORT FILE

moto holds objects in memory, and its recorder keeps requests in FILE. A change is in FILE before it is answered: what
was stored outlives a kill of this process.
"""

import sys
import threading
from pathlib import Path

from moto.moto_api import recorder
from moto.server import ThreadedMotoServer

lock, write_down = threading.Lock(), recorder._record_request


def record_change(request, body=None):
    """One at a time, since several would mix their lines; what only reads is left out."""
    if request.method not in ("GET", "HEAD"):
        with lock:
            write_down(request, body)


def main(port: int, file: Path) -> None:
    recorder._location, recorder._record_request = str(file), record_change
    ThreadedMotoServer("127.0.0.1", port, verbose=False).start()
    if file.exists():
        recorder.replay_recording()
    recorder.start_recording()
    print("ready", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
