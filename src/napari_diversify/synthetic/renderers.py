"""How specimens come to look: by our microscope, or by a renderer that another package offers.

A renderer is an entry point of the group ``napari_diversify.renderers``: a function

    rendering(model, specimen, seed) -> (compute, note) or (compute, note, found)

that takes what the user names (a trained model, say), a specimen with its labels, and the seed of
the noise. It returns what computes the image of a region, uint16; a sentence on what the user
should know, or ""; and, if it can tell, what computes labels of what can be found in that image,
of the dtype of the labels. A part must equal the same part of the whole, bit for bit.
"""

from __future__ import annotations

from importlib.metadata import entry_points

from ..model import Model
from .specimen import Specimen

GROUP = "napari_diversify.renderers"


class Renderer(Model):
    """Which renderer, and what it works with.

    Attributes
    ----------
    kind : str
        Name of the entry point.
    model : str
        For "dressing" a trained model: its folder and hash.
    """

    kind: str = "dressing"
    model: str

    def rendered(self, specimen: Specimen, seed: int) -> Specimen:
        """The specimen with the image that this renderer makes of its labels.

        Raises
        ------
        ImportError, OSError, ValueError
            If there is no such renderer, or it cannot be used; the message says what to do.
        """
        offered = {entry.name: entry for entry in entry_points(group=GROUP)}
        if self.kind not in offered:
            known = f"; there are {', '.join(sorted(offered))}" if offered else ""
            raise ImportError(
                f"there is no renderer {self.kind!r}{known}. Was the package that brings it "
                "removed?"
            )
        return specimen.looking(*offered[self.kind].load()(self.model, specimen, seed))
