"""Damaged TIFF files and garbled OME-XML."""

import random

import numpy as np
import pytest
import tifffile
from fuzzing import check_reader, damaged, garbled, look_at, some_voxels
from tiff_makers import image, ome, tiff_data, uuid

from napari_diversify.files import images_in, open_image

STACK = some_voxels((2, 3, 24, 32))
OTHERS = some_voxels((3, 24, 32), seed=1)
PLANES = {plane.tobytes() for plane in (*STACK[0], *STACK[1], *OTHERS)}
IMAGEJ = (
    "ImageJ=1.54f\nimages=6\nchannels=2\nslices=3\nunit=micron\nspacing=0.5\n"
    "cf=0\nc0=-32768\nc1=1\n"
)
SIZE = 'PhysicalSizeX="0.1" PhysicalSizeY="0.1" PhysicalSizeZ="0.5" PhysicalSizeZUnit="nm"'
PLANE = '<Plane TheC="0" TheT="0" TheZ="0" PositionX="1" PositionXUnit="µm"/>'
MODULO = (
    '<StructuredAnnotations><XMLAnnotation ID="Annotation:0" Namespace="modulo"><Value><Modulo>'
    '<ModuloAlongZ Type="angle" Start="0" End="2"/></Modulo></Value></XMLAnnotation>'
    '<MapAnnotation ID="Annotation:1" Namespace="napari-diversify"><Value><M K="header">'
    '{"axes": "czyx", "origin": {"c": 1}, "scale": {"c": 2}}</M></Value></MapAnnotation>'
    "</StructuredAnnotations>"
)


def write_some_tiff(path, rng):
    """One of the kinds of TIFF that there are."""
    kind = rng.choice(("ome", "imagej", "shaped", "plain", "behind", "pyramid", "several", "rgb"))
    stored = rng.choice(
        ({}, {}, {"compression": "zlib"}, {"tile": (16, 16)}, {"rowsperstrip": 5},
         {"compression": "zlib", "tile": (16, 16), "predictor": True})
    )  # fmt: skip
    options = {"bigtiff": rng.random() < 0.2, "byteorder": rng.choice("<>")}
    grey = {"photometric": "minisblack", **stored}
    if kind in ("ome", "imagej", "shaped"):
        said = {"axes": "CZYX" if kind != "imagej" else "ZCYX"}
        more = {kind: True} if kind != "shaped" else {}
        if kind == "imagej":
            options["bigtiff"] = False
        tifffile.imwrite(path, STACK, metadata=said, **more, **options, **grey)
    elif kind == "behind":
        with tifffile.TiffWriter(path, **options) as tif:
            tif.write(STACK[0, 0], photometric="minisblack", description=IMAGEJ, metadata=None)
        with path.open("ab") as file:
            file.write(STACK.tobytes())
    else:
        with tifffile.TiffWriter(path, **options) as tif:
            if kind == "rgb":
                tif.write(np.zeros((24, 32, 3), "uint8"), photometric="rgb", **stored)
            for n in range(6):
                tif.write(
                    STACK[n // 3, n % 3], metadata=None, subifds=2 * (kind == "pyramid"), **grey
                )
                for k in (2, 4) if kind == "pyramid" else ():
                    tif.write(STACK[n // 3, n % 3, ::k, ::k], metadata=None, subfiletype=1, **grey)
            if kind == "several":
                tif.write(STACK[0, :, :20], metadata=None, **grey)
    return path


def damaged_tiff(folder, rng):
    path = write_some_tiff(folder / "a.tif", rng)
    path.write_bytes(damaged(path.read_bytes(), rng))
    return path


def garbled_ome_tiff(folder, rng):
    """An OME-TIFF, alone or of a set, with a companion or without, of which the text is garbled."""
    path = folder / "a.ome.tif"
    kind = rng.choice(("lone", "lone", "set", "companion"))
    file = {} if kind == "lone" else {"file": "a.ome.tif", "uuid": uuid("a")}
    data = tiff_data(0, 6, **file)
    more = image((3, 24, 32), tiff_data(6, 3), number=1, attributes=SIZE) if kind == "lone" else ""
    if kind == "set":
        data = tiff_data(0, 3, c=0, **file) + tiff_data(0, 3, "b.ome.tif", uuid("b"), c=1)
    first = image(STACK.shape, data, axes="czyx", attributes=SIZE, more=PLANE)
    if rng.random() < 0.3:
        first = first.replace("</Image>", '<AnnotationRef ID="Annotation:0"/></Image>')
    text = garbled(ome(first, more, root=f' UUID="{uuid("a")}"', more=MODULO), rng)
    if kind == "companion":
        (folder / "a.companion.ome").write_text(text, encoding="utf-8", errors="replace")
        elsewhere = f'<BinaryOnly MetadataFile="a.companion.ome" UUID="{uuid("a")}"/>'
        text = ome(elsewhere, root=f' UUID="{uuid("a")}"')
        text = garbled(text, rng) if rng.random() < 0.1 else text
    write_pages(path, [*STACK[0], *(STACK[1] if kind != "set" else []), *OTHERS], text)
    if kind == "set" and rng.random() < 0.8:
        root = ome(root=f' UUID="{uuid("b")}"')
        root = garbled(root, rng) if rng.random() < 0.2 else root
        write_pages(folder / "b.ome.tif", STACK[1], root)
    return path


def look_at_planes(path):
    """As always; and each plane must be one that was written, and none comes twice."""
    answer = look_at(path)
    if answer == "read":
        for entry in images_in(path):
            with open_image(path, series=entry.series) as opened:
                read = [plane.tobytes() for plane in opened.data[...].reshape(-1, 24, 32)]
                assert len(set(read)) == len(read)
                assert PLANES.issuperset(read)
    return answer


def garbled_imagej_tiff(folder, rng):
    return write_pages(folder / "a.tif", STACK.reshape(-1, 24, 32), garbled(IMAGEJ, rng))


def write_pages(path, planes, text):
    with tifffile.TiffWriter(path) as tif:
        for n, plane in enumerate(planes):
            description = None if n else text.encode("utf-8", "replace").replace(b"\0", b" ")
            tif.write(plane, photometric="minisblack", metadata=None, description=description)
    return path


@pytest.mark.parametrize(
    ("make", "look"),
    [
        (damaged_tiff, look_at),
        (garbled_ome_tiff, look_at_planes),
        (garbled_imagej_tiff, look_at),
    ],
)
def test_what_is_damaged_is_read_right_or_refused_with_a_sentence(make, look):
    answers = check_reader(make, 200, look=look)
    assert 10 < answers.get("read", 0) < 190  # neither too gentle nor too rough
    assert len(answers) > 5


def test_damage_can_be_made_again():
    data, text = bytes(range(256)), ome(image((3, 4, 5)))
    for mutate, sound in ((damaged, data), (garbled, text)):
        results = [mutate(sound, random.Random(n)) for n in range(50)]
        assert results == [mutate(sound, random.Random(n)) for n in range(50)]
        assert len(set(results)) > 40
