"""What the files of labels are called, and which image each belongs to.

Tools name the labels of ``cell.tif`` ``cell_masks.tif`` (Cellpose), ``cell_cp_masks.tif``
(its GUI), ``cell_labels.tif`` (napari, this program), ``cell_Simple Segmentation.tif``
(ilastik), ``mask_cell.tif`` and so on, or give them the same name in another folder
(StarDist, nnU-Net). Names can say no more than that: what stays ambiguous is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from .names import stem

#: Words that mark a name as that of labels; the words of the name are joined by "_".
_LABELS = re.compile(
    r"(?:^|(?<=_))(?:cp_masks?|man_(?:seg|track)|ground_truth|simple_segmentation"
    r"|object_(?:identities|predictions)|(?:instance|semantic)_(?:masks?|labels?|segmentation)"
    r"|masks?|labels?|lbls?|labell?ed|segs?|segmentations?|segmented|gt|groundtruth"
    r"|annotations?|instances?)(?:_|$)(?!.*(?:masks?|labels?|seg)(?:_|$))"
)
#: Words that only say that it is an image.
_IMAGE = {"image", "images", "img", "im", "raw"}
#: A word is a run of letters or of digits; a capital begins another (cellMask, GFPMask).
_WORD = re.compile(r"[^\W\d_]+|\d+")
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def is_label_name(name: str) -> bool:
    """Whether an image file with this name, without ending, holds labels by its name.

    Examples
    --------
    >>> [is_label_name(name) for name in ("cell_cp_masks", "mask-003", "segmenter", "cell")]
    [True, True, False, False]
    """
    return _LABELS.search(_words(name)) is not None


def labels_for(image: str, labels: Sequence[Path], *, by_equal_name: bool = False) -> list[Path]:
    """Which label files belong to an image by their names.

    Parameters
    ----------
    image : str
        Name of the image, without ending.
    labels : sequence of Path
        The files there are.
    by_equal_name : bool, optional
        Whether a file of the same name counts: one in a folder of labels.

    Returns
    -------
    list of Path
        Those whose name fits best; several if that is ambiguous, none if none fits.

    Examples
    --------
    >>> [p.name for p in labels_for("cell_1", [Path("cell_1_mask.tif"), Path("cell_10_mask.tif")])]
    ['cell_1_mask.tif']
    """
    return LabelNames(labels, by_equal_name=by_equal_name).of(image)


class LabelNames:
    """Label files by what their names say; looking one up costs the same for any number of them.

    Parameters
    ----------
    labels, by_equal_name
        See :func:`labels_for`.
    """

    def __init__(self, labels: Iterable[Path], *, by_equal_name: bool = False) -> None:
        #: For each way of naming, the most certain first: files by the name of their image.
        self._ways: tuple[dict[str, list[Path]], ...] = ({}, {}, {})
        for path in labels:
            name = stem(path)
            words = _words(name)
            if by_equal_name:
                self._ways[0].setdefault(name.casefold(), []).append(path)
            if (match := _LABELS.search(words)) is not None:
                rest = (words[: match.start()] + words[match.end() :]).strip("_")
                if exact := _exactly(name, rest):
                    self._ways[1].setdefault(exact.casefold(), []).append(path)
                self._ways[2].setdefault(rest, []).append(path)
            elif by_equal_name:
                self._ways[2].setdefault(words, []).append(path)

    def of(self, image: str) -> list[Path]:
        """The files that fit an image of this name best."""
        words = _words(image)
        bare = "_".join(word for word in words.split("_") if word not in _IMAGE)
        channel = re.sub(r"_\d{4}$", "", image.casefold())  # nnU-Net: case_0000.tif, case.tif
        tries = ((0, image.casefold()), (1, image.casefold()), (2, words), (2, bare), (0, channel))
        for way, key in tries:
            if files := self._ways[way].get(key):
                return files
        return []


def _words(name: str) -> str:
    """The words and numbers of a name in lower case, joined by "_"."""
    return "_".join(word.casefold() for word in _WORD.findall(_CAPITAL.sub("_", name)))


def _exactly(name: str, rest: str) -> str:
    """The part of a name, as it is spelled, whose words are ``rest``; empty if it has none."""
    for end in range(len(name), 0, -1):
        head = name[:end]
        if head == head.rstrip(" _.-") and _words(head) == rest:
            return head
    return ""
