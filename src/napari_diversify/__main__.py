"""``python -m napari_diversify`` is the command ``napari-diversify``."""

from .cli import main

if __name__ == "__main__":
    main()
