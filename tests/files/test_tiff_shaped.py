"""TIFF with tifffile's own description: a shape and axes."""

import json
import logging
import threading

import numpy as np
import pytest
import tifffile
from tiff_makers import pattern

from napari_diversify.files import images_in, open_image
from napari_diversify.files.tiff.library import sentences

STACK = pattern((6, 32, 40))


def read(path, **options):
    with open_image(path, **options) as opened:
        return opened.header, opened.data[...]


def write(path, planes, shape, **options):
    """Pages with a description of any shape."""
    text = json.dumps({"shape": shape, **options.pop("said", {})})
    with tifffile.TiffWriter(path) as tif:
        for n, plane in enumerate(planes):
            description = None if n else text
            tif.write(
                plane, photometric="minisblack", metadata=None, description=description, **options
            )
    return path


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"tile": (16, 16)}])
@pytest.mark.parametrize("shape", [(7, 32, 40), (6, 16, 40), (6, 32, 80), (2, 6, 32, 40), (9,)])
def test_a_shape_that_does_not_fit_the_pages_is_refused_unless_axes_are_given(
    tmp_path, options, shape
):
    path = write(tmp_path / "a.tif", STACK, shape, **options)
    with pytest.raises(ValueError, match=r"its description announces|is damaged") as caught:
        open_image(path)
    assert str(path) in str(caught.value)
    assert len(images_in(path)) == 1
    np.testing.assert_array_equal(read(path, axes="tyx")[1], STACK)


@pytest.mark.parametrize(
    "text", ['{"shape": ', '{"shape": "x"}', '{"shape": [-1, 2]}', '{"shape": []}']
)
def test_a_description_that_is_broken_is_no_traceback(tmp_path, text):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", metadata=None, description=text)
    with pytest.raises(ValueError, match=r"a\.tif: its description"):
        open_image(path)
    np.testing.assert_array_equal(read(path, axes="tyx")[1], STACK)


def test_planes_behind_one_page_are_read_and_missed(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, photometric="minisblack", truncate=True, metadata={"axes": "TYX"})
    header, data = read(path)
    assert header.axes == "tyx"
    np.testing.assert_array_equal(data, STACK)
    for lost in (1, 2560, 9000):
        cut = tmp_path / f"{lost}.tif"
        cut.write_bytes(path.read_bytes()[:-lost])
        with pytest.raises(ValueError, match="cut off"):
            open_image(cut)


def test_tifffile_keeps_quiet_while_we_read_and_only_then(caplog):
    log = logging.getLogger("tifffile")
    with sentences():
        log.warning("within")
        thread = threading.Thread(target=log.error, args=("on another thread",))
        thread.start()
        thread.join()
    log.warning("outside")
    assert [record.getMessage() for record in caplog.records] == ["outside"]


@pytest.mark.parametrize(
    "error",
    [StopIteration(), RuntimeError("x"), RecursionError("x"), MemoryError(), KeyError("x"),
     AttributeError("x"), AssertionError(), ZeroDivisionError(), tifffile.TiffFileError("x"),
     OSError("x"), OSError(22, "x"), UnicodeError("x")],
    ids=lambda error: type(error).__name__,
)  # fmt: skip
def test_whatever_goes_wrong_is_a_sentence(error):
    with pytest.raises(ValueError, match=r"^it is damaged \(.+\)$"), sentences("it is damaged"):
        raise error


def test_errors_of_the_system_stay_what_they_are():
    with pytest.raises(PermissionError), sentences():
        raise PermissionError(13, "no")
