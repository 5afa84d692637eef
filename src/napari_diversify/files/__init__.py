"""Images on disk: reading and writing with their metadata, and layouts of training sets."""

from .arranged import Arranged
from .dtypes import check_dtype
from .entry import Entry
from .header import AXES, Header, header_of
from .label_values import LabelPlan, check_labels
from .layouts import (
    FORMATS,
    LAYOUTS,
    Item,
    Layout,
    check_names,
    paths,
    semantic_planes,
    write_extras,
)
from .ome_zarr import (
    create,
    create_labels,
    finish,
    is_finished,
    reduced,
    slabs,
    write_all,
    write_reduced,
    write_slab,
)
from .reading import (
    ENDINGS,
    ImageFile,
    images_in,
    inputs_in,
    is_image,
    is_zarr,
    labels_in,
    open_image,
    stem,
)
from .reading_zarr import missing_chunks
from .safe import check_free, check_name, free_name, remove, tidy, writing
from .tiff import planes_of, write_tiff

__all__ = [
    "AXES",
    "ENDINGS",
    "FORMATS",
    "LAYOUTS",
    "Arranged",
    "Entry",
    "Header",
    "ImageFile",
    "Item",
    "LabelPlan",
    "Layout",
    "check_dtype",
    "check_free",
    "check_labels",
    "check_name",
    "check_names",
    "create",
    "create_labels",
    "finish",
    "free_name",
    "header_of",
    "images_in",
    "inputs_in",
    "is_finished",
    "is_image",
    "is_zarr",
    "labels_in",
    "missing_chunks",
    "open_image",
    "paths",
    "planes_of",
    "reduced",
    "remove",
    "semantic_planes",
    "slabs",
    "stem",
    "tidy",
    "write_all",
    "write_extras",
    "write_reduced",
    "write_slab",
    "write_tiff",
    "writing",
]
