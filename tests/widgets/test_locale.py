"""A number is read as it was meant, or refused, wherever commas or points are usual."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from qtpy.QtCore import QLocale, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractSpinBox, QDoubleSpinBox
from superqt import QLargeIntSpinBox

from napari_diversify.widgets.qt.numbers import DecimalBox, numbers_in, whole_numbers_only
from napari_diversify.widgets.synthetic.dock import SyntheticDock

LOCALES = {
    "German": QLocale(QLocale.Language.German, QLocale.Country.Germany),
    "French": QLocale(QLocale.Language.French, QLocale.Country.France),
    "Swiss": QLocale(QLocale.Language.German, QLocale.Country.Switzerland),
    "English": QLocale(QLocale.Language.English, QLocale.Country.UnitedStates),
    "Indian": QLocale(QLocale.Language.Hindi, QLocale.Country.India),
    "Arabic": QLocale(QLocale.Language.Arabic, QLocale.Country.Egypt),
    "C": QLocale.c(),
}


@pytest.fixture(params=LOCALES)
def locale(request):
    before = QLocale()
    QLocale.setDefault(LOCALES[request.param])
    yield LOCALES[request.param]
    QLocale.setDefault(before)


def typed(box, text):
    """Type a text in place of the number that is there, and press Enter."""
    box.setFocus()
    box.selectAll()
    QTest.keyClicks(box, text)
    QTest.keyClick(box, Qt.Key.Key_Return)
    return box.value()


@pytest.fixture
def decimal(qtbot):
    box = DecimalBox()
    box.setRange(-1000, 1000)
    box.setDecimals(2)
    box.setKeyboardTracking(False)
    box.setValue(7.25)
    qtbot.addWidget(box)
    return box


@pytest.mark.parametrize("text", ["1.5", "1,5", "1.50", "01,5", "+1.5"])
def test_both_marks_are_decimal_marks(locale, decimal, text):
    assert typed(decimal, text) == 1.5


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("-1.5", {-1.5}),
        ("15", {15}),
        (".5", {0.5}),
        (",5", {0.5}),
        ("1.", {1}),
        ("1.000,5", {1.0, 7.25}),  # no marks of thousands
        ("1,000.5", {1.0, 7.25}),
        ("1.2.3", {1.23, 1.2, 7.25}),
        ("2000", {200, 7.25}),  # beyond the range
        ("", {7.25}),
        ("-", {7.25}),
        (".", {7.25}),
        ("abc", {7.25}),
    ],
)
def test_what_is_no_number_is_refused(locale, decimal, text, values):
    assert typed(decimal, text) in values


def test_a_number_is_shown_with_the_mark_of_the_locale_and_read_back(locale, decimal):
    decimal.setValue(1.5)
    mark = "," if locale.decimalPoint() == "," else "."
    assert decimal.text() == f"1{mark}50"
    decimal.setFocus()
    QTest.keyClick(decimal, Qt.Key.Key_Return)
    assert decimal.value() == 1.5


def test_steps_and_big_numbers_are_exact(locale, decimal):
    decimal.setRange(-1e19, 1e19)
    for value in (65535.25, -1234567.5, 0.01, 1e12):
        decimal.setValue(value)
        decimal.interpretText()
        assert decimal.value() == value
    decimal.setValue(999.99)
    decimal.setSingleStep(0.01)
    decimal.stepUp()
    assert decimal.value() == pytest.approx(1000)


@pytest.mark.parametrize("text", ["1.5", "1,5", "1.000", "1,000", "-", "--5", "²", "1e3", ""])
def test_whole_numbers_are_not_read_from_others(locale, qtbot, text):
    """1.5 must not become 15, whatever the mark; and nothing that is typed is an error."""
    whole = QLargeIntSpinBox()
    fraction_refused = DecimalBox()
    fraction_refused.setDecimals(0)
    for box in (whole_numbers_only(whole), fraction_refused):
        qtbot.addWidget(box)
        box.setRange(0, 100_000)
        box.setKeyboardTracking(False)
        box.setValue(7)
        assert typed(box, text) in (7, *((5,) if "5" in text and text[0] == "-" else ()), 13)
        assert typed(box, "12") == 12  # and the box works on


def test_every_box_of_the_docks_is_one_of_these(live, viewer, qtbot):
    synthetic = SyntheticDock(viewer)
    qtbot.addWidget(synthetic)
    live.explorer.windows.open_export()
    live.explorer.windows.open_samples()
    boxes = [
        box for dock in (live.explorer, synthetic) for box in dock.findChildren(QAbstractSpinBox)
    ]
    assert len(boxes) > 30
    for box in boxes:
        if isinstance(box, QDoubleSpinBox):
            assert isinstance(box, DecimalBox)
        else:
            before = box.value()
            # one that is read while it is typed has taken the 1 by then
            assert typed(box, "1.5") in (before, 1 if box.keyboardTracking() else before)


@pytest.mark.parametrize("mark", [".", ","])
def test_w_v_typed_in_the_dock(locale, viewer, open_dock, make_image, mark):
    viewer.add_image(make_image(), name="cells")
    dock = open_dock(viewer)
    dock.wait()
    assert typed(dock.box("w_v"), f"1{mark}5") == 1.5
    dock.wait()
    assert dock.explorer.card("diversify").value().w_v == 1.5
    panel = dock.explorer.source_panel
    typed(panel.high, "60000")
    dock.wait()
    assert dock.explorer.value().intensity_range[1] == 60000


# ---- lists ----

COMMA, POINT = LOCALES["German"], LOCALES["English"]


@pytest.mark.parametrize(
    ("text", "locale", "numbers"),
    [
        ("20,5; 12", COMMA, (20.5, 12)),
        ("20.5; 12", COMMA, (20.5, 12)),
        ("20.5;12;", COMMA, (20.5, 12)),
        ("30, 25, 20", COMMA, (30, 25, 20)),
        ("30 25 20", COMMA, (30, 25, 20)),
        ("20.5, 12", COMMA, (20.5, 12)),
        ("20,5", COMMA, None),
        ("20,5, 12", COMMA, None),
        ("30,25,20", COMMA, None),
        ("30,25,20", POINT, (30, 25, 20)),
        ("30, 25,20", POINT, (30, 25, 20)),
        ("20,5; 12", POINT, (20.5, 12)),
        ("", COMMA, ()),
        ("  ", POINT, ()),
        ("20.5", POINT, (20.5,)),
    ],
)
def test_lists_are_read_right_or_refused_with_the_way_to_type_them(text, locale, numbers):
    if numbers is None:
        with pytest.raises(ValueError, match=r"two ways: put semicolons .* 30; 20,5; 12"):
            numbers_in(text, locale)
    else:
        assert numbers_in(text, locale) == numbers


@pytest.mark.parametrize("text", ["20, loud", "nan", "inf; 20", "1_0", "20;;x", "1.2.3; 4", "1e3"])
def test_what_is_no_list_of_numbers_is_refused(text):
    with pytest.raises(ValueError, match="commas or semicolons"):
        numbers_in(text, POINT)


@given(
    st.lists(st.integers(1, 6000).map(lambda n: n / 100), max_size=5),
    st.sampled_from((".", ",")),
    st.sampled_from(("; ", ";", " ; ")),
)
def test_lists_with_semicolons_are_read_alike_everywhere(levels, mark, between):
    text = between.join(f"{level:.2f}".replace(".", mark) for level in levels)
    if len(levels) == 1:
        text += ";"
    assert numbers_in(text, COMMA) == numbers_in(text, POINT) == tuple(levels)


def test_levels_typed_in_the_export_dialog(locale, live, tmp_path):
    live.explorer.windows.open_export()
    dialog = live.explorer.windows.export
    dialog.folder.setText(str(tmp_path / "out"))
    dialog.psnr.setText("20,5; 12")
    assert dialog.job(with_file=False).sampling.psnr == (20.5, 12)
    dialog.psnr.setText("20,5")
    if locale.decimalPoint() == ",":
        dialog.start()
        assert "two ways" in dialog.status.message.text()
        assert not dialog.running
