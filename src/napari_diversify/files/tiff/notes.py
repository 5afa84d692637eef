"""What the tags of a page say about its values and the user should know."""

from __future__ import annotations

import tifffile

_MIN_IS_WHITE, _PALETTE, _COLOUR_FILTER = 0, 3, 32803
_ORIENTATION = 274


def photometric_notes(page: tifffile.TiffPage) -> list[str]:
    """Sentences on what the values of a page mean, and on how it should be turned."""
    notes = []
    if page.photometric == _MIN_IS_WHITE:
        notes.append("0 is white in this file (MinIsWhite): its values were kept as they are")
    elif page.photometric == _PALETTE:
        notes.append("its values are numbers of colours in a palette: they were kept as they are")
    elif page.photometric == _COLOUR_FILTER:
        notes.append("its pixels lie behind a mosaic of colour filters: they were kept as they are")
    orientation = page.tags.valueof(_ORIENTATION, default=1)
    if orientation in range(2, 9):
        notes.append(
            f"the file says that it is to be shown turned or mirrored (orientation "
            f"{int(orientation)}): its rows and columns were kept as they are"
        )
    return notes
