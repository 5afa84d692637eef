"""Images on disk: reading and writing with their metadata, and layouts of training sets."""

from .arranged import Arranged, Cut
from .dtypes import check_dtype
from .entry import Entry
from .extras import check_extras, has_extras, write_extras
from .formats import ENDINGS, FORMATS, Format, format_called
from .glance import is_plate, may_hold_image
from .header import AXES, Header, header_of
from .label_values import LabelPlan, check_labels
from .layouts import LAYOUTS, Item, Layout, check_names, names_of, paths, semantic_planes
from .listing import Listing, fold
from .looks import Looks, looks_of
from .names import is_image, stem
from .ome_zarr.reading import missing_chunks
from .ome_zarr.writing import (
    create,
    create_labels,
    finish,
    reduced,
    slabs,
    write_all,
    write_reduced,
    write_slab,
)
from .open_voxels import channels_of
from .reading import ImageFile, images_in, inputs_in, is_zarr, labels_in, open_image
from .safe import (
    Leftover,
    check_folder,
    check_free,
    check_name,
    free_name,
    holds,
    leftovers,
    make_folder,
    remove,
    replace_text,
    saying,
    writing,
)
from .tiff.writing import planes_of, write_tiff

__all__ = [
    "AXES",
    "ENDINGS",
    "FORMATS",
    "LAYOUTS",
    "Arranged",
    "Cut",
    "Entry",
    "Format",
    "Header",
    "ImageFile",
    "Item",
    "LabelPlan",
    "Layout",
    "Leftover",
    "Listing",
    "Looks",
    "channels_of",
    "check_dtype",
    "check_extras",
    "check_folder",
    "check_free",
    "check_labels",
    "check_name",
    "check_names",
    "create",
    "create_labels",
    "finish",
    "fold",
    "format_called",
    "free_name",
    "has_extras",
    "header_of",
    "holds",
    "images_in",
    "inputs_in",
    "is_image",
    "is_plate",
    "is_zarr",
    "labels_in",
    "leftovers",
    "looks_of",
    "make_folder",
    "may_hold_image",
    "missing_chunks",
    "names_of",
    "open_image",
    "paths",
    "planes_of",
    "reduced",
    "remove",
    "replace_text",
    "saying",
    "semantic_planes",
    "slabs",
    "stem",
    "write_all",
    "write_extras",
    "write_reduced",
    "write_slab",
    "write_tiff",
    "writing",
]
