"""Rare classes: what is compared, that nothing that is tested was learned from, what is refused."""

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_diversify.core.blocks import exhaust
from napari_diversify.learned.balance import experiment as of
from napari_diversify.learned.balance.classes import classes_of
from napari_diversify.learned.balance.methods import (
    CORRECTED,
    PLAIN,
    REPEATED,
    SAMPLES,
    WEIGHTS,
    class_f1,
    predictions,
)

NAMES = ("common", "other", "rare")
CLASSES = np.repeat([0, 1, 2], [30, 12, 4])


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch):
    monkeypatch.setattr("napari_diversify.learned.balance.methods._TREES", 20)


def table(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(CLASSES[:, None] * 1.2, 1, (len(CLASSES), 5))


def run(learn, features=None, **values):
    features = table() if features is None else features
    usual = {"rare": ("rare",), "folds": 3, "repeats": 2}
    return exhaust(of.experiment(features, CLASSES, NAMES, learn, **{**usual, **values}))


def test_no_network_sees_what_it_draws_or_what_is_tested(monkeypatch):
    features, asked = table(), []

    def learn(chosen):
        def drawn(i):
            asked.append((set(map(int, chosen)), i))
            return features[[i]] + np.zeros((10, 1))

        return drawn

    folds, divide = [], of.folds_of
    monkeypatch.setattr(of, "folds_of", lambda *args: folds.append(divide(*args)) or folds[-1])
    run(learn, features, repeats=1)
    (fold,) = folds
    assert len(asked) == 2 * 4  # each rare object is trained on while the other folds are tested
    pairs = set()
    for chosen, i in asked:
        unseen = set(fold) - {fold[k] for k in chosen}
        assert fold[i] in unseen
        assert CLASSES[i] == 2
        assert len(unseen) == 2
        assert chosen == {k for k in range(len(fold)) if fold[k] not in unseen}
        pairs.add((i, *sorted(unseen)))
    assert len(pairs) == len(asked)


def test_every_way_of_balancing_is_compared():
    features = table()
    result = run(lambda chosen: lambda i: features[[i]] + np.zeros((10, 1)))
    rows = {name: (mean, spread, own) for name, mean, spread, own in result.rows()}
    assert list(rows)[:3] == [PLAIN, WEIGHTS, REPEATED]
    assert {SAMPLES, CORRECTED} <= set(rows)
    # samples that are the real rows again are real rows that are repeated
    assert rows[SAMPLES] == rows[CORRECTED] == rows[REPEATED]


@pytest.mark.parametrize(
    ("ours", "words"),
    [
        ((0.70, 0.72, 0.71), "Predicted shapes help here (“samples” beside “class weights”: +0.1"),
        ((0.60, 0.75, 0.51), "Predicted shapes do not help here"),
        ((0.50, 0.52, 0.51), "Predicted shapes make it worse here"),
    ],
)
def test_it_is_said_plainly_whether_shapes_help(ours, words):
    scores = {PLAIN: (0.5, 0.5, 0.5), WEIGHTS: (0.6, 0.61, 0.62), SAMPLES: ours}
    result = of.Result(("a", "b"), ("b",), {k: np.array([v, v]).T for k, v in scores.items()})
    assert result.verdict().startswith(words)
    if "help here (" not in words:
        assert (
            "“class weights”, which needs no shapes, gives +0.110 over “plain”" in result.verdict()
        )


def test_samples_are_corrected_by_their_mean_error():
    rows = np.concatenate([np.zeros((20, 2)), np.ones((2, 2))])
    classes = np.repeat([0, 1], [20, 2])
    # far off, all by the same amount: useless before, right after
    samples = {20: np.full((10, 2), -9.0), 21: np.full((10, 2), -9.0)}
    told = predictions(rows, classes, samples, np.array([[1.0, 1.0], [0.0, 0.0]]), 0)
    assert list(told[CORRECTED]) == [1, 0]
    many = predictions(rows, classes, {20: samples[20]}, rows, 0)
    assert class_f1(classes, many[CORRECTED], 2).mean() == 1


@pytest.mark.parametrize(
    ("classes", "names", "rare", "words"),
    [
        ([0, 0], ("a",), (), r"of one class \(a\)"),
        ([0, 0, 1, 1], ("a", "b"), (), "no class is rare"),
        ([0, 0, 1, 1], ("a", "b"), ("c",), "there is no class 'c'"),
    ],
)
def test_classes_that_cannot_be_compared_are_answered(classes, names, rare, words):
    with pytest.raises(ValueError, match=words):
        of.rare_of(np.array(classes), names, rare)


def test_a_class_with_too_few_objects_is_answered():
    with pytest.raises(ValueError, match=r"too few are of rare \(4\)"):
        run(lambda chosen: None, folds=5)


def test_a_table_of_classes_is_read_and_refused(tmp_path):
    path = tmp_path / "classes.csv"
    path.write_text("Label,class\n1,cup\n2,smooth\n3,smooth\n9,cup\n")
    classes, names, notes = classes_of(path, ["a 1", "a 2", "a 3", "a 4"])
    assert (list(classes), names) == ([1, 0, 0, -1], ("smooth", "cup"))
    assert notes == (f"1 object left out, without a class in {path}",)
    with pytest.raises(ValueError, match="has no “image”, and there are 2 files"):
        classes_of(path, ["a 1", "b 1"])
    path.write_text("number,kind\n1,cup\n")
    with pytest.raises(ValueError, match="has number, kind"):
        classes_of(path, ["a 1"])


def test_the_command_compares_all_methods(tmp_path):
    from test_shapes import balls

    from napari_diversify.cli.main import main

    # a few balls and fewer small ones, apart from each other
    places = [(6, 7 + 14 * (i // 4), 7 + 14 * (i % 4)) for i in range(16)]
    large = balls((12, 56, 56), (1, 1, 1), places[:12], 5)
    small = balls((12, 56, 56), (1, 1, 1), places[12:], 3)
    np.save(tmp_path / "labels.npy", np.where(small > 0, small + 12, large).astype(np.uint8))
    rows = [f"{i + 1},{'large' if i < 12 else 'small'}" for i in range(16)]
    (tmp_path / "classes.csv").write_text("\n".join(["label,class", *rows]))
    words = ["balance", "--labels", tmp_path / "labels.npy", "--classes", tmp_path / "classes.csv"]
    words += ["--voxel-size", "voxels", "--repeats", "1", "--steps", "2", "--width", "8", "-n", "2"]
    words += ["-o", tmp_path / "table.csv"]
    result = CliRunner().invoke(main, list(map(str, words)))
    assert result.exit_code == 0, result.output
    assert "Classes: large 12, small 4. Rare: small." in result.output
    assert "Predicted shapes" in result.output
    lines = (tmp_path / "table.csv").read_text().splitlines()
    assert lines[0] == "method,repeat,macro F1,F1 of large,F1 of small"
    assert lines[1].startswith("plain,0,1.0000")  # volumes tell them apart
