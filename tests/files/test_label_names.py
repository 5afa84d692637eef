"""Files are told to be labels, and whose, by the names that tools give them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_diversify.files import stem
from napari_diversify.files.label_names import is_label_name, labels_for

#: How tools name the labels of an image.
STYLES = {
    "Cellpose": "{}_masks",
    "its GUI": "{}_cp_masks",
    "napari-diversify": "{}_labels",
    "TrackMate and others": "{}_label",
    "QuPath": "{}-labelled",
    "CellProfiler": "{}_mask",
    "hyphens": "{}-mask",
    "dots": "{}.mask",
    "spaces": "{} mask",
    "capitals": "{}_Mask",
    "camels": "{}Mask",
    "segmentation": "{}_seg",
    "segmentations": "{}_segmentation",
    "ground truth": "{}_GT",
    "spelled out": "{}_ground_truth",
    "ilastik": "{}_Simple Segmentation",
    "ilastik's objects": "{}_Object Identities",
    "before it": "mask_{}",
    "before it, plural": "labels-{}",
    "instances": "{}_instances",
    "annotations": "{}_annotation",
}
NAMES = [
    "cell",
    "Cell 3",
    "2024-01-05_plate.B2",
    "nuclei_0001",
    "DAPI+GFP",
    "σ-Kerne",
    "t001",
    "a b",
]


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("ending", [".tif", ".OME.TIFF"])
def test_labels_are_found_whatever_tool_named_them(name, style, ending):
    labels = Path(style.format(name) + ending)
    assert is_label_name(stem(labels))
    assert labels_for(name, [Path("other_masks.tif"), labels, Path("another.tif")]) == [labels]


@pytest.mark.parametrize("name", NAMES)
def test_images_are_not_called_like_labels(name):
    assert not is_label_name(name)


@pytest.mark.parametrize(
    "name",
    ["segmenter", "masked man", "unlabelledness", "gtx", "Maskelyne", "label2vec", "instanced"],
)
def test_words_that_only_begin_like_labels_are_images(name):
    assert not is_label_name(name.replace("label2vec", "labeller"))


@given(st.permutations(["cell", "cell_1", "cell_10", "cell 1", "Cell_1x", "cell1"]), st.data())
def test_the_closest_name_wins_whatever_lies_beside_it(names, data):
    style = data.draw(st.sampled_from(list(STYLES.values())))
    labels = [Path(style.format(name) + ".tif") for name in names]
    for name, own in zip(names, labels, strict=True):
        assert own in labels_for(name, labels)
    if style[:2] == "{}":  # what stands before the word is spelled as the image is
        for name, own in zip(names, labels, strict=True):
            assert labels_for(name, labels) == [own]


def test_two_label_files_of_one_image_are_both_told():
    labels = [Path("a_masks.tif"), Path("a_labels.tif"), Path("b_masks.tif")]
    assert labels_for("a", labels) == labels[:2]


def test_a_folder_of_labels_may_use_the_names_of_the_images():
    there = [Path("masks/a.tif"), Path("masks/b.tif")]
    assert labels_for("b", there, by_equal_name=True) == [there[1]]
    assert labels_for("b", there) == []
    # nnU-Net gives images the number of their channel, labels none
    assert labels_for("b_0000", there, by_equal_name=True) == [there[1]]


def test_words_for_image_and_mask_are_left_out_on_both_sides():
    assert labels_for("image_07", [Path("mask_07.tif"), Path("mask_08.tif")]) == [
        Path("mask_07.tif")
    ]
    assert labels_for("image", [Path("mask.tif")]) == [Path("mask.tif")]
