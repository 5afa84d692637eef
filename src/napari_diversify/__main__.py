"""The command ``napari-diversify``, also as ``python -m napari_diversify``."""

import os
import signal
from typing import Any, NoReturn


def main() -> None:
    """Run the command; Ctrl+C ends it quietly also while it is still being loaded."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # ignored, if a script starts it in the background
        signal.signal(signal.SIGINT, _stop)
    from .cli import main as command

    signal.signal(signal.SIGINT, usual)
    try:
        command()
    except KeyboardInterrupt:  # before a command had begun
        _stop()


def _stop(*_: Any) -> NoReturn:
    # no exception: raised amid imports it may be lost, or end in many lines
    os.write(2, b"Stopped.\n")
    os._exit(130)


if __name__ == "__main__":
    main()
