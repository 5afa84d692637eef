"""The report on a training set: what is wrong comes first, and every number is true."""

import csv
import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest
import tifffile
from typer.testing import CliRunner

from napari_diversify import Recipe, files
from napari_diversify.batch import Job, Source, export, sources_of
from napari_diversify.cli.main import main
from napari_diversify.recipe import Diversify, Sampling
from napari_diversify.report import write_report
from napari_diversify.report.pictures import middle_plane, source_plane
from napari_diversify.report.rows import read_set

SHAPE = (4, 40, 48)
MILD = Recipe(steps=(Diversify(w_v=0.2),), seed=3, intensity_range=(0, 4000))
VOID = {"area", "base", "br", "col", "hr", "img", "input", "link", "meta", "rect", "path"}
METRICS = ("psnr", "si_psnr", "ssim", "contrast_source", "contrast", "clipped")


# ---- a page, as a reader of it sees it ----


class Page(HTMLParser):
    """What is on a page, and whether its tags are in balance."""

    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.text = path.read_text(encoding="utf-8")
        self.words, self.images, self.cards, self.table, self.ids, self.links = (
            [],
            [],
            [],
            [],
            [],
            [],
        )
        self.heads = []
        self._open, self._closed_itself = [], False
        self.feed(self.text)
        self.close()
        assert self._open == []

    @property
    def said(self):
        return " ".join(" ".join(self.words).split())

    def handle_startendtag(self, tag, attributes):
        assert tag in VOID
        self._start(tag, dict(attributes))

    def handle_starttag(self, tag, attributes):
        self._start(tag, dict(attributes))
        if tag not in {"meta", "img"}:
            self._open.append((tag, dict(attributes)))

    def _start(self, tag, attributes):
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if tag == "a":
            self.links.append(attributes["href"])
        if tag == "img":
            self.images.append(attributes)
        if tag == "th":
            self.heads.append(attributes.get("scope"))
        if tag == "tr" and self._inside("all"):
            self.table.append([])
        if tag in ("td", "th") and self._inside("all"):
            self.table[-1].append("")
        if tag == "h3" and self._inside("cards"):
            self.cards.append("")

    def handle_endtag(self, tag):
        opened, _ = self._open.pop()
        assert opened == tag

    def handle_data(self, data):
        tag = self._open[-1][0] if self._open else None
        if tag == "style":
            return
        self.words.append(data)
        if tag in ("td", "th") and self._inside("all"):
            self.table[-1][-1] += data
        if tag == "h3" and self._inside("cards"):
            self.cards[-1] += data

    def _inside(self, kind):
        return any(kind in (a.get("class") or "").split() for _, a in self._open)

    def card(self, file):
        """All that is said of a flagged file."""
        (found,) = (part for part in self.text.split("<li><h3>") if part.startswith(file))
        return " ".join(re.sub(r"<[^>]+>", " ", found.split('<section id="dist')[0]).split())

    @property
    def lines(self):
        head, *rest = self.table
        return [dict(zip(head, line, strict=True)) for line in rest]


def page_of(folder, **options):
    return Page(write_report(folder, **options))


def manifest(folder):
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write_manifest(folder, rows):
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def change(folder, n, **fields):
    """Change a line of the manifest."""
    rows = manifest(folder)
    assert set(fields) <= set(rows[n])
    rows[n] |= {key: str(value) for key, value in fields.items()}
    write_manifest(folder, rows)


# ---- training sets ----


def blobs(seed, shape=SHAPE):
    rng = np.random.default_rng(seed)
    waves = sum(np.sin(g / (3 + n + seed)) for n, g in enumerate(np.indices(shape).astype(float)))
    return (1500 + 350 * waves + rng.normal(0, 20, shape)).clip(0, 4000).astype("uint16")


def write_tiff(path, array):
    tifffile.imwrite(path, array, metadata={"axes": "ZYX"}, photometric="minisblack")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Sources, masks, and a set of eight samples of two sources in which nothing is wrong."""
    root = tmp_path_factory.mktemp("sets")
    (root / "raw").mkdir()
    (root / "masks").mkdir()
    for n, name in enumerate(("left", "right")):
        write_tiff(root / "raw" / f"{name}.tif", blobs(n))
        write_tiff(root / "masks" / f"{name}.tif", (blobs(n) > 1500).astype("uint8"))
    sampling = Sampling(recipe=MILD, samples=4, ranges={"w_v": (0.1, 0.3)})
    sources = sources_of([root / "raw"], [root / "masks"])
    assert export(Job(sources, sampling, root / "train", "stardist")).failed == ()
    return root


@pytest.fixture
def train(made, tmp_path):
    """A copy of that set, to be spoilt."""
    shutil.copytree(made, tmp_path / "sets")
    return tmp_path / "sets" / "train"


def with_broken_sample(made, target):
    """A set of one good source and of one sample that is nothing but clipped noise."""
    drowned = Recipe(steps=(Diversify(w_i=0, w_v=32),), seed=3)
    sources = sources_of([made / "raw" / "left.tif"])
    assert export(Job(sources, Sampling(recipe=MILD, samples=5), target)).failed == ()
    shutil.copy(made / "raw" / "right.tif", target.parent / "drowned.tif")
    bad = Job(sources_of([target.parent / "drowned.tif"]), Sampling(recipe=drowned), target)
    rows = {row["file"]: row for row in manifest(target)}
    assert export(bad).failed == ()
    rows |= {row["file"]: row for row in manifest(target)}
    write_manifest(target, list(rows.values()))
    return target


# ---- what stands out ----


def test_in_a_good_set_nothing_stands_out(made, tmp_path):
    page = page_of(made / "train", out=tmp_path / "page.html")
    assert "Nothing stands out in 8 files." in page.said
    assert page.cards == []
    assert "8 of 2 source images" in page.said
    assert "StarDist" in page.said
    assert "with 8 of 8 images" in page.said


def test_a_sample_that_is_nothing_but_clipped_noise_comes_first(made, tmp_path):
    page = page_of(with_broken_sample(made, tmp_path / "train"))
    assert page.cards[0] == "drowned_0000.ome.zarr"
    assert len(page.lines) == 6
    (line,) = (r for r in manifest(tmp_path / "train") if r["source"] == "drowned")
    told = page.card("drowned_0000")
    assert float(line["clipped"]) > 0.5
    assert f"{float(line['clipped']):.1%} of its voxels are clipped" in told
    assert all(f"{name} {float(line[name]):.4g}" in told for name in METRICS)
    alts = [image["alt"] for image in page.images]
    assert "Middle plane of drowned_0000.ome.zarr" in alts
    assert "The same plane of its source drowned" in alts


def test_clipping_counts_beyond_five_percent(train):
    change(train, 0, clipped=0.05)
    change(train, 1, clipped=0.0501)
    page = page_of(train)
    assert page.cards == ["images/left_0001.tif"]
    assert "5.0% of its voxels are clipped" in page.card("images/left_0001")


def test_contrast_counts_below_half_of_the_sources(train):
    change(train, 2, contrast_source=0.8, contrast=0.41)
    change(train, 3, contrast_source=0.8, contrast=0.2)
    change(train, 5, contrast_source=0.8, contrast="nan")
    page = page_of(train)
    assert page.cards == ["images/right_0001.tif", "images/left_0003.tif"]  # the worst first
    assert "its contrast is 25.0% of the source" in page.card("images/left_0003")
    assert "no contrast left" in page.card("images/right_0001")


def test_ssim_counts_if_it_is_unlike_the_rest_or_no_number(train):
    for n, value in enumerate((0.80, 0.81, 0.82, 0.83, 0.84, 0.85, 0.60, "nan")):
        change(train, n, ssim=value)
    page = page_of(train)
    assert page.cards == ["images/right_0003.tif", "images/right_0002.tif"]
    assert "its SSIM 0.600 lies more than" in page.card("images/right_0002")
    assert "not a number" in page.card("images/right_0003")


def test_ssim_that_hardly_differs_is_not_extreme(train):
    for n in range(8):
        change(train, n, ssim=0.9 + (0.009 if n == 3 else 0))
    assert page_of(train).cards == []


def test_planes_too_small_for_ssim_are_told_not_flagged(train):
    for n in range(8):
        change(train, n, ssim="nan", ssim_planes=0)
    page = page_of(train)
    assert page.cards == []
    assert "8 files without SSIM" in page.said


def test_psnr_counts_if_it_misses_its_target(train):
    change(train, 0, target_psnr=20, psnr=20.05)
    change(train, 1, target_psnr=20, psnr=19.94)
    page = page_of(train)
    assert page.cards == ["images/left_0001.tif"]
    assert "its PSNR is 19.94 dB, the target was 20 dB" in page.card("images/left_0001")


def test_a_target_holds_for_all_planes_of_a_sample_together(made, tmp_path):
    sampling = Sampling(recipe=MILD, psnr=(25,))
    job = Job(sources_of([made / "raw" / "left.tif"]), sampling, tmp_path / "train", "cellpose")
    assert export(job).failed == ()
    rows = manifest(tmp_path / "train")
    assert len(rows) == SHAPE[0]
    assert max(abs(float(row["psnr"]) - 25) for row in rows) > 0.05
    page = page_of(tmp_path / "train")
    assert "dB from its target" not in page.said
    assert "the same as another file" not in page.said  # nor are planes duplicates
    assert f"1 of 1 source image, {SHAPE[0]} files" in page.said


def test_the_same_noise_and_parameters_twice_are_a_duplicate(train):
    first, second = manifest(train)[:2]
    change(train, 1, **{k: first[k] for k in ("sample", "seed", "diversify.w_v")})
    page = page_of(train)
    assert page.cards == [second["file"]]
    assert "source, noise and parameters of left_0000" in page.card(second["file"])


def test_a_manifest_of_an_older_version_is_read_as_one_of_today(train):
    now = read_set(train)
    assert len(now.notes) == 1
    assert "its labels: they hold one object, 1" in now.notes[0]
    rows = manifest(train)
    for row in rows:
        del row["data_range_rule"]
    write_manifest(train, rows)
    assert read_set(train) == now


def test_a_file_that_is_listed_twice_is_told(train):
    write_manifest(train, manifest(train) + manifest(train)[:1])
    page = page_of(train)
    assert "it is listed 2 times" in page.card("images/left_0000.tif")
    assert "all images were opened, and one plane of 8 was read" in page.said


def test_missing_and_broken_files_come_before_all_else(train):
    change(train, 0, clipped=0.9)
    (train / "images" / "left_0001.tif").unlink()
    (train / "masks" / "left_0002.tif").unlink()
    (train / "images" / "left_0003.tif").write_bytes(b"II*\0 this is no picture")
    write_tiff(train / "images" / "right_0000.tif", np.zeros((4, 9, 9), "uint8"))
    page = page_of(train)
    assert sorted(page.cards[:4]) == [
        "images/left_0001.tif", "images/left_0002.tif", "images/left_0003.tif",
        "images/right_0000.tif",
    ]  # fmt: skip
    assert page.cards[4:] == ["images/left_0000.tif"]
    assert "images/left_0001.tif is missing" in page.card("images/left_0001")
    assert "masks/left_0002.tif is missing" in page.card("images/left_0002")
    assert "it cannot be read: " in page.card("images/left_0003")
    assert "uint16 (z 4, y 40, x 48) and is now uint8 (z 4, y 9, x 9)" in page.card(
        "images/right_0000"
    )
    assert str(train) not in page.text


def test_an_image_whose_voxels_are_gone_is_found_by_its_plane(made, tmp_path):
    """Its header can be read, so opening it is not enough."""
    job = Job(sources_of([made / "raw"]), Sampling(recipe=MILD), tmp_path / "train")
    assert export(job).failed == ()
    spoilt = tmp_path / "train" / "right_0000.ome.zarr"
    chunks = [p for p in spoilt.rglob("*") if p.is_file() and p.suffix != ".json"]
    for chunk in chunks:
        chunk.write_bytes(b"no voxels")
    assert chunks
    page = page_of(tmp_path / "train")
    assert page.cards == ["right_0000.ome.zarr"]
    assert "it cannot be read: " in page.card("right_0000")


def test_a_source_that_is_gone_is_told_beside_the_picture(train):
    shutil.rmtree(train.parent / "raw")
    change(train, 0, clipped=0.9)
    page = page_of(train)
    assert "left.tif is not where it was" in page.card("images/left_0000")
    assert "Middle plane of images/left_0000.tif" in [i["alt"] for i in page.images]


def test_an_image_in_memory_has_no_picture(tmp_path):
    source = Source("cells", array=blobs(0), header=files.header_of(SHAPE, "uint16"))
    sampling = Sampling(recipe=Recipe(steps=(Diversify(w_i=0, w_v=32),)))
    assert export(Job((source,), sampling, tmp_path / "train")).failed == ()
    assert "no picture: it was an image in memory" in page_of(tmp_path / "train").said


def test_time_points_and_channels_are_files_of_one_sample(tmp_path):
    """Their pictures lie at the same time and in the same channel as their source's."""
    axes, shape = "tczyx", (2, 2, 3, 20, 24)
    image = np.concatenate([blobs(n, (1, 2, 3, 20, 24)) for n in range(2)])
    np.save(tmp_path / "cells.npy", image)
    unchanged = Recipe(steps=(Diversify(w_v=0),), intensity_range=(0, 4000))
    sources = sources_of([tmp_path / "cells.npy"], axes=axes)
    job = Job(sources, Sampling(recipe=unchanged), tmp_path / "train", "nnunet")
    assert export(job).failed == ()
    train = read_set(tmp_path / "train")
    assert len(train.rows) == shape[0] * shape[1]
    assert {row.unit for row in train.rows} == {"cells_0000"}
    for row in train.rows:
        plane = middle_plane(tmp_path / "train" / row.file)
        assert (source_plane(tmp_path / "train", row, plane).values == plane.values).all()
    page = page_of(tmp_path / "train")
    assert "1 of 1 source image, 4 files" in page.said
    assert page.cards == []
    shutil.rmtree(tmp_path / "train" / ".diversify")  # the same by the names of files
    assert "1 of 1 source image, 4 files" in page_of(tmp_path / "train", overwrite=True).said


def test_the_picture_beside_a_sample_is_the_same_plane_of_its_source(made, tmp_path):
    """Of a file that holds one plane of a volume, its source's plane is not the middle one."""
    job = Job(
        sources_of([made / "raw" / "left.tif"]),
        Sampling(recipe=MILD),
        tmp_path / "train",
        "cellpose",
    )
    assert export(job).failed == ()
    source = blobs(0)
    for z, row in enumerate(read_set(tmp_path / "train").rows):
        plane = middle_plane(tmp_path / "train" / row.file)
        found = source_plane(tmp_path / "train", row, plane)
        assert (found.values == source[z]).all()


def test_clean_pairs_show_the_clean_file(made, tmp_path):
    job = Job(
        sources_of([made / "raw" / "left.tif"]),
        Sampling(recipe=MILD),
        tmp_path / "train",
        "csbdeep",
    )
    assert export(job).failed == ()
    change(tmp_path / "train", 0, clipped=0.5)
    (made_record,) = (tmp_path / "train" / ".diversify").glob("*.json")
    made_record.unlink()
    page = page_of(tmp_path / "train")
    assert "The same plane of its source left" in [image["alt"] for image in page.images]
    assert "1 file of 1 have no record" in page.said


# ---- numbers ----


def test_numbers_on_the_page_are_those_of_the_manifest(made, tmp_path):
    lines = page_of(made / "train", out=tmp_path / "page.html").lines
    rows = sorted(manifest(made / "train"), key=lambda row: row["file"])
    assert [line["file"] for line in lines] == [row["file"] for row in rows]
    for line, row in zip(lines, rows, strict=True):
        assert {name: line[name] for name in METRICS} == {name: row[name] for name in METRICS}
        assert (line["sample"], line["seed"], line["source"]) == (
            row["sample"], row["seed"], row["source"]
        )  # fmt: skip
        assert float(line["diversify.w_v"]) == pytest.approx(float(row["diversify.w_v"]), rel=1e-5)
    assert "diversify.w_i" not in lines[0]  # the same in all


def test_distributions_tell_median_and_ends(made, tmp_path):
    page = page_of(made / "train", out=tmp_path / "page.html")
    for name in ("diversify.w_v", *METRICS):
        values = [float(row[name]) for row in manifest(made / "train")]
        middle, low, high = (f"{f(values):.4g}" for f in (np.median, min, max))
        unit = " dB" if "psnr" in name else ""
        wanted = f"{name} median {middle}{unit}, {low} to {high}{unit}"
        if len(set(values)) == 1:
            wanted = f"{name} {middle}{unit} in all files"
        assert wanted in page.said, name
    assert "diversify.w_i 1" in page.said
    assert "SSIM against PSNR" in page.said


def test_infinite_numbers_are_counted_not_drawn(train):
    for n in range(3):
        change(train, n, psnr="inf", si_psnr="inf")
    assert "3 files without a finite number" in page_of(train).said


def test_bars_of_a_histogram_hold_all_files(made, tmp_path):
    page = page_of(made / "train", out=tmp_path / "page.html")
    (plot,) = re.findall(r"<figure[^>]*><figcaption><b>ssim</b>.*?</figure>", page.text)
    counts = [int(n) for n in re.findall(r": (\d+) files?</title>", plot)]
    assert sum(counts) == 8


def test_groups_are_counted(made, tmp_path):
    page = page_of(made / "train", out=tmp_path / "page.html")
    assert "There are 2 groups." in page.said
    assert "left (4), right (4)" in page.said
    assert "2 folds at most" in page.said


# ---- real images ----


def test_the_sources_themselves_are_near_and_noise_is_far(made, tmp_path):
    near = page_of(made / "train", real=made / "raw", out=tmp_path / "near.html")
    (tmp_path / "noise").mkdir()
    for n in range(4):
        noise = np.random.default_rng(n).exponential(100, SHAPE).astype("float32")
        np.save(tmp_path / "noise" / f"{n}.npy", noise)
    far = page_of(made / "train", real=tmp_path / "noise", out=tmp_path / "far.html")
    close, wide = (
        float(re.search(r"grey levels differ by ([\d.]+)", page.said)[1]) for page in (near, far)
    )
    assert close < 0.05 < 0.15 < wide
    assert "2 of 2 real images" in near.said
    assert "there are too few real ones to compare two halves" in near.said
    assert "two halves of the real ones by 0.0" in far.said
    assert "less power at high frequencies than real ones: they are smoother" in far.said


def test_images_equal_to_the_real_ones_are_at_distance_zero(train, tmp_path):
    page = page_of(train, real=train / "images")
    assert "differ by 0.000 of the range" in page.said
    assert "the same power at high frequencies" in page.said
    assert "8 of 8 real images" in page.said


def test_gain_and_offset_of_a_microscope_do_not_count(train, tmp_path):
    (tmp_path / "real").mkdir()
    for path in (train / "images").glob("*.tif"):
        np.save(tmp_path / "real" / f"{path.stem}.npy", tifffile.imread(path) * 7.5 + 1000)
    assert "differ by 0.000 of the range" in page_of(train, real=tmp_path / "real").said


def test_at_most_fifty_real_images_are_read_and_labels_are_none(made, tmp_path):
    (tmp_path / "real").mkdir()
    for n in range(53):
        np.save(tmp_path / "real" / f"{n:02d}.npy", blobs(n % 3, (12, 14)))
    np.save(tmp_path / "real" / "00_labels.npy", np.ones((12, 14), "uint8"))
    page = page_of(made / "train", real=tmp_path / "real", out=tmp_path / "page.html")
    assert "50 of 53 real images" in page.said


def test_real_images_that_cannot_be_compared_are_left_out_by_name(made, tmp_path):
    (tmp_path / "real").mkdir()
    np.save(tmp_path / "real" / "good.npy", blobs(1))
    np.save(tmp_path / "real" / "flat.npy", np.full((20, 20), 7))
    (tmp_path / "real" / "broken.tif").write_bytes(b"no picture")
    page = page_of(made / "train", real=tmp_path / "real", out=tmp_path / "page.html")
    assert "real flat.npy: it has the same grey level everywhere" in page.said
    assert "real broken.tif: " in page.said
    assert "1 of 3 real images" in page.said


# ---- the page itself ----


def test_the_page_needs_nothing_but_itself(made, tmp_path):
    page = page_of(with_broken_sample(made, tmp_path / "train"), real=made / "raw")
    text = re.sub(r"base64,[A-Za-z0-9+/=]+", "", page.text)
    assert not re.search(r"https?:|//|<script|<link|@import|url\(|\son\w+=", text)
    assert all(image["src"].startswith("data:image/png;base64,") for image in page.images)
    assert "default-src 'none'" in page.text


def test_every_picture_and_plot_has_words_and_every_link_a_place(made, tmp_path):
    page = page_of(with_broken_sample(made, tmp_path / "train"), real=made / "raw")
    assert page.images
    assert all(image["alt"] for image in page.images)
    drawings = re.findall(r"<svg[^>]*>", page.text)
    assert len(drawings) > 8
    assert all('role="img" aria-label="' in tag for tag in drawings)
    assert len(set(page.ids)) == len(page.ids)
    assert {link[1:] for link in page.links} <= set(page.ids)
    assert set(page.heads) == {"col", "row"}
    assert page.text.count("<table") == page.text.count("<caption>")
    assert '<html lang="en">' in page.text


def test_nothing_is_wider_than_a_phone(made, tmp_path):
    page = page_of(made / "train", real=made / "raw", out=tmp_path / "page.html")
    style = page.text.split("<style>")[1].split("</style>")[0]
    style += " ".join(re.findall(r'style="([^"]*)"', page.text))
    style = re.sub(r"@media[^{]*|max-width:[^;}]*", "", style)
    style = style.replace("-999rem", "")  # the link for keyboards, beside the page until used
    sizes = re.findall(r"([\d.]+)(px|rem|em)\b", style)
    assert sizes
    assert all(float(n) * (1 if unit == "px" else 16) <= 340 for n, unit in sizes)
    assert all(int(i["width"]) <= 160 and int(i["height"]) <= 160 for i in page.images)
    # what is wider scrolls by itself
    assert len(re.findall(r'<div class="scroll"[^>]*tabindex="0"><table', page.text)) == (
        page.text.count("<table")
    )
    assert 'name="viewport" content="width=device-width' in page.text


def test_the_same_set_gives_the_same_bytes_wherever_it_lies(made, train, tmp_path, monkeypatch):
    here = write_report(made / "train", real=made / "raw", out=tmp_path / "a.html").read_bytes()
    there = write_report(train, real=train.parent / "raw", out=tmp_path / "b.html").read_bytes()
    monkeypatch.chdir(train)
    relative = write_report(".", real="../raw", out=tmp_path / "c.html").read_bytes()
    assert here == there == relative


def test_names_are_shown_as_they_are(train):
    rows = manifest(train)
    name = '<img src=x onerror="alert(1)">&amp;'
    change(train, 0, source=name, group=name, clipped=0.5)
    change(train, 1, file=f"images/{name}.tif")
    page = page_of(train)
    assert f"images/{name}.tif" in page.cards
    assert name in page.lines[1]["source"] or name in page.lines[0]["source"]
    assert all(image["src"].startswith("data:") for image in page.images)
    assert len(rows) == len(page.lines)


# ---- many, and few ----


def test_one_sample_has_a_page(made, tmp_path):
    job = Job(sources_of([made / "raw" / "left.tif"]), Sampling(recipe=MILD), tmp_path / "train")
    assert export(job).failed == ()
    page = page_of(tmp_path / "train", real=made / "raw")
    assert "1 of 1 source image" in page.said
    assert "One file has no distribution" in page.said
    assert "There is 1 group." in page.said
    assert len(page.lines) == 1


def synthetic(train, n):
    """A manifest of n files, of which those of the first line exist."""
    row = manifest(train)[0]
    rng = np.random.default_rng(0)
    rows = [
        {
            **row,
            "source": f"s{k % 5}", "group": f"s{k % 5}", "sample": str(k),
            "ssim": f"{rng.normal(0.6, 0.05):.6f}", "psnr": f"{rng.normal(20, 2):.6f}",
            "file": f"images/s{k % 5}_{k:05d}.tif",
        }
        for k in range(n)
    ]  # fmt: skip
    for r in rows:
        shutil.copy(train / row["file"], train / r["file"])
    write_manifest(train, rows)
    return rows


def test_three_hundred_files_have_lines_and_two_hundred_of_them_pictures(train):
    synthetic(train, 300)
    page = page_of(train)
    assert len(page.lines) == 300
    in_lines = [
        line for line in page.text.split("<tr>") if line.startswith('<td class="word"><img')
    ]
    assert len(in_lines) == 200
    assert "200 of these, evenly spread, have a picture." in page.said
    assert "300 of 5 source images" in page.said


def test_of_many_files_the_rest_is_counted(train):
    rows = synthetic(train, 1)
    write_manifest(
        train, [{**rows[0], "file": f"images/gone_{k}.tif", "sample": str(k)} for k in range(2500)]
    )
    page = page_of(train)
    assert len(page.lines) == 2000
    assert (
        "The first 2,000 of 2,500 files are here; the other 500 are in manifest.csv." in page.said
    )
    assert "2,000 images, evenly spread, were opened, and one plane of 0 was read" in page.said
    assert len(page.cards) == 40
    assert "2,460 more flagged files without pictures here" in page.said
    assert len(page.text) < 3_000_000


# ---- what cannot be reported on ----


def refusal(folder, **options):
    with pytest.raises((OSError, ValueError)) as caught:
        write_report(folder, **options)
    return str(caught.value)


def test_a_folder_without_manifest_is_refused(tmp_path):
    assert "holds no manifest.csv" in refusal(tmp_path)
    assert "there is no such folder" in refusal(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_an_empty_manifest_is_refused(train):
    head = (train / "manifest.csv").read_text().split("\n")[0]
    (train / "manifest.csv").write_text(head + "\n")
    assert "no lines" in refusal(train)
    (train / "manifest.csv").write_text("")
    assert "is empty" in refusal(train)


def test_a_foreign_manifest_is_refused_by_what_it_lacks(train):
    (train / "manifest.csv").write_text("file;psnr\na.tif;3\n")
    assert "it has no column 'file', 'labels'" in refusal(train)
    (train / "manifest.csv").write_bytes(b"file,\xff\xfe\n")
    assert "cannot be read as a table" in refusal(train)


def test_a_number_that_is_none_is_refused_by_its_line(train):
    change(train, 2, ssim="high")
    assert "line 4: ssim must be a number; got 'high'" in refusal(train)


def test_a_line_that_is_cut_off_is_refused(train):
    whole = (train / "manifest.csv").read_text()
    (train / "manifest.csv").write_text(whole[: whole.rindex(",") - 9])
    assert "line 9: it has more or fewer than" in refusal(train)


def test_a_newer_manifest_with_more_columns_is_read(train):
    write_manifest(train, [{**row, "mood": "good"} for row in manifest(train)])
    page = page_of(train)
    assert "columns that this version does not know and leaves out: mood." in page.said
    assert len(page.lines) == 8


def test_records_that_cannot_be_read_are_told(train):
    broken, strange, other = sorted((train / ".diversify").glob("*.json"))[:3]
    broken.write_text("{")
    strange.write_text("[1, 2]")
    kept = json.loads(other.read_text())
    kept["parts"][0]["files"]["image"] = "images/other.tif"
    (train / ".diversify" / "other_0000.json").write_text(json.dumps(kept))
    page = page_of(train)
    assert "2 records in .diversify could not be read." in page.said
    assert "2 files of 8 have no record" in page.said
    assert "1 more sample with a record is not in manifest.csv" in page.said


def test_a_real_folder_without_images_is_refused(made, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "photo.jpg").touch()
    assert "no image in this folder" in refusal(made / "train", real=tmp_path / "real")
    np.save(tmp_path / "real" / "a_masks.npy", np.ones((12, 14), "uint8"))
    assert "holds labels only" in refusal(made / "train", real=tmp_path / "real")
    np.save(tmp_path / "real" / "flat.npy", np.ones((12, 14)))
    said = refusal(made / "train", real=tmp_path / "real")
    assert "none of the real images can be compared; the first is flat.npy" in said
    assert "no such file" in refusal(made / "train", real=tmp_path / "nowhere")
    assert not (made / "train" / "report.html").exists()


def test_a_page_is_replaced_only_if_it_is_said_so(train):
    assert write_report(train) == train / "report.html"
    (train / "report.html").write_text("mine")
    assert "exists and is left as it is" in refusal(train)
    assert (train / "report.html").read_text() == "mine"
    write_report(train, overwrite=True)
    assert (train / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_a_page_replaces_neither_folders_nor_other_files(train, tmp_path):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "kept.txt").touch()
    assert write_report(train, out=tmp_path / "pages", overwrite=True) == (
        tmp_path / "pages" / "report.html"
    )
    assert (tmp_path / "pages" / "kept.txt").exists()
    said = refusal(train, out=train / "manifest.csv", overwrite=True)
    assert "a report is a page whose name ends in .html" in said
    assert len(manifest(train)) == 8


def test_the_set_is_left_as_it_was(train):
    before = {p: p.read_bytes() for p in train.rglob("*") if p.is_file()}
    write_report(train)
    after = {p: p.read_bytes() for p in train.rglob("*") if p.is_file()}
    assert after.pop(train / "report.html")
    assert after == before


def test_the_report_needs_neither_qt_nor_napari():
    import subprocess
    import sys

    program = (
        "import sys, napari_diversify.report, napari_diversify.cli.report\n"
        "print([m for m in ('qtpy', 'napari', 'magicgui', 'superqt') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert said.stdout.strip() == "[]", said.stderr


# ---- the command ----


@pytest.fixture
def invoke():
    def call(*arguments):
        result = CliRunner().invoke(main, ["report", *map(str, arguments)])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return call


def test_the_command_writes_the_page_and_says_where(invoke, train, tmp_path):
    result = invoke(train, "--real", train.parent / "raw", "-o", tmp_path / "page.html")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"The report is in {tmp_path / 'page.html'}.\n"
    assert "2 of 2 real images" in Page(tmp_path / "page.html").said


def test_the_command_ends_with_a_sentence_and_status_1(invoke, train, tmp_path):
    result = invoke(tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert re.fullmatch(r".* holds no manifest\.csv, [^\n]*\.\n", result.stderr)
    assert invoke(train).exit_code == 0
    assert invoke(train).exit_code == 1
    assert invoke(train, "--overwrite").exit_code == 0


def test_the_help_has_an_example(invoke):
    assert "napari-diversify report train" in invoke("--help").stdout


# ---- objects that cannot be seen ----


def test_a_page_counts_the_labelled_objects_that_cannot_be_seen(tmp_path):
    y, x = np.indices((90, 120))
    labels = ((np.hypot(y % 30 - 15, x % 30 - 15) < 10) * (1 + y // 30 * 4 + x // 30)).astype("u2")
    shown = (labels > 0) & (labels <= 9)
    noise = np.random.default_rng(1).normal(0, 20, labels.shape)
    (tmp_path / "raw").mkdir()
    tifffile.imwrite(tmp_path / "raw" / "a.tif", (500 + 400 * shown + noise).astype("u2"))
    tifffile.imwrite(tmp_path / "raw" / "a_labels.tif", labels)
    sampling = Sampling(recipe=Recipe(steps=(Diversify(w_v=0),)), samples=1)
    sources = sources_of([tmp_path / "raw" / "a.tif"], [tmp_path / "raw" / "a_labels.tif"])
    export(Job(sources, sampling, tmp_path / "train", "stardist"))
    page = Page(write_report(tmp_path / "train"))
    assert "3 of 12 labelled objects (25.0%) cannot be seen" in page.said
    assert "#seen" in page.links
