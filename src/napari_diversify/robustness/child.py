"""The process in which a function of the user segments images: what it runs.

What the function prints goes to standard error, as standard output is taken.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np

from ..sentences import on_one_line, reason, shortened
from .exchange import receive_array, send


def serve(target: str, options: dict[str, Any]) -> None:
    """Answer until nobody asks any more."""
    Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    asked = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    try:
        function, identity = load(target)
    except BaseException as error:  # noqa: BLE001  also what a module does as it is imported
        send(answers, {"failed": f"{target} cannot be loaded: {reason(error)}"})
        return
    send(answers, {"identity": identity})
    while line := asked.readline():
        spacing = json.loads(line)["spacing"]
        image = receive_array(asked)
        given = None if spacing is None else tuple(spacing)
        try:
            returned = function(image, given, **options)
            labels = np.asarray(returned)
        except BaseException as error:  # noqa: BLE001
            send(answers, {"failed": f"it raised {type(error).__name__}: {_words(error)}"})
            continue
        if labels.dtype.hasobject:
            kind = "nothing" if returned is None else type(returned).__name__
            send(answers, {"failed": f"it returned {kind}, not an array of whole numbers"})
            continue
        send(answers, {}, labels)


def _words(error: BaseException) -> str:
    return shortened(on_one_line(str(error)), 300) or "without a message"


def _end_with(parent: int) -> None:
    """End when the program that asks is gone, whatever the function is doing."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def load(target: str) -> tuple[Callable[..., Any], dict[str, str]]:
    """A function, and what tells whether it is the same as another time."""
    where, _, name = target.rpartition(":")
    if where.endswith(".py"):
        path = Path(where)
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {where}")
        sys.path.insert(0, str(path.resolve().parent))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
    else:
        module = importlib.import_module(where)
    function = getattr(module, name, None)
    if not callable(function):
        raise ValueError(f"{where} has no function {name}")
    identity = {}
    try:
        source = inspect.getsourcefile(function)
        if source is not None:
            identity["sha256"] = hashlib.sha256(Path(source).read_bytes()).hexdigest()
    except (TypeError, OSError):  # compiled, or an object that is called
        pass
    version = getattr(sys.modules.get(module.__name__.partition(".")[0]), "__version__", None)
    if isinstance(version, str):
        identity["version"] = version
    return function, identity


if __name__ == "__main__":
    serve(sys.argv[1], json.loads(sys.argv[2]))
