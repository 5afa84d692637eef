"""What two processes say to each other: a line of JSON, and an array after it in NumPy's format."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt


def send(stream: BinaryIO, message: dict[str, Any], array: npt.NDArray[Any] | None = None) -> None:
    """Write a message, and an array if there is one."""
    stream.write(json.dumps(message).encode() + b"\n")
    if array is not None:
        # NumPy takes everything with a file number for a file on disk; a pipe is none
        np.lib.format.write_array(SimpleNamespace(write=stream.write), array, allow_pickle=False)
    stream.flush()


def receive_array(stream: BinaryIO) -> npt.NDArray[Any]:
    """Read the array after a message."""
    array: npt.NDArray[Any] = np.lib.format.read_array(
        SimpleNamespace(read=stream.read), allow_pickle=False
    )
    return array
