"""The command ``napari-diversify``, also as ``python -m napari_diversify``."""

import os
import signal
import sys
from typing import Any, NoReturn

_DEBUG = "--debug"


def main() -> None:
    """Run the command; Ctrl+C ends it quietly also while it is still being loaded."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # ignored, if a script starts it in the background
        signal.signal(signal.SIGINT, _stop)
    for name in ("SIGTERM", "SIGHUP"):  # the time of a cluster job is up; the terminal is gone
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)
    _open_streams()
    if _DEBUG not in sys.argv:
        from .cli.quiet import quieten

        quieten()
    command = _loaded()
    signal.signal(signal.SIGINT, usual)
    try:
        command()
    except KeyboardInterrupt:  # before a command had begun
        _stop()


def _stop(*_: Any) -> NoReturn:
    # no exception: raised amid imports it may be lost, or end in many lines
    os.write(2, b"Stopped.\n")
    os._exit(130)


def _interrupt(_: int, frame: Any) -> None:
    """Do what Ctrl+C would do now: that may have to wait for a moment."""
    now = signal.getsignal(signal.SIGINT)
    (now if callable(now) else signal.default_int_handler)(signal.SIGINT, frame)


def _open_streams() -> None:
    """Have somewhere to write, and every letter written somehow."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started it
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # σ and µ in a terminal without them


def _loaded() -> Any:
    try:
        from .cli.main import load
        from .cli.main import main as command

        load(sys.argv[1:])
    except Exception as error:
        from .sentences import reason

        if _DEBUG in sys.argv:
            raise
        sys.stderr.write(
            f"napari-diversify cannot be loaded: {reason(error)}. Install it again, or run it "
            f"with {_DEBUG} to see where.\n"
        )
        sys.exit(1)
    return command


if __name__ == "__main__":
    main()
