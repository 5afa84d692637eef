"""What is remembered between sessions: napari's plugin settings, where napari has them.

They are declared in ``napari.yaml`` and shown in napari's Preferences. Only what
says how somebody likes to work is kept there; parameters are kept in recipes.
"""

from __future__ import annotations

from typing import Any

_PLUGIN = "napari-diversify"


def preference(category: str, name: str, default: Any) -> Any:
    """A setting of the user's; ``default`` where there are none."""
    settings = _settings()
    return default if settings is None else getattr(getattr(settings, category), name)


def set_preference(category: str, name: str, value: Any) -> None:
    """Remember a setting from now on, if there is somewhere to remember it."""
    settings = _settings()
    if settings is not None and getattr(getattr(settings, category), name) != value:
        setattr(getattr(settings, category), name, value)


def _settings() -> Any:
    try:
        from napari.settings import get_plugin_settings  # napari >= 0.9
    except ImportError:
        return None
    try:
        return get_plugin_settings(_PLUGIN)
    except KeyError:  # not installed as a plugin, or switched off
        return None
