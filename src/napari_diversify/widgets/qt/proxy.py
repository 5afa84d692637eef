"""napari hands plugins proxies of its objects: the object behind stays the same, not the proxy."""

from __future__ import annotations

from typing import Any


def behind(thing: Any) -> Any:
    """The object itself, which lives longer than a proxy of it; any other thing as it is."""
    return getattr(thing, "__wrapped__", thing)
