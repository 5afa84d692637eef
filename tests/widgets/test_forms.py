"""A form shows a model, edits it field by field, and changes nothing else."""

import pytest
from qtpy.QtWidgets import QAbstractSpinBox, QDoubleSpinBox
from superqt import QDoubleSlider

from napari_diversify.model import bounds_of, extra_of
from napari_diversify.recipe import Diversify, LowPass
from napari_diversify.widgets.qt.forms import AxesControl, ModelForm, NumberControl


@pytest.fixture
def number(qtbot):
    control = NumberControl((0.0, 8.0), (0.0, 32.0))
    qtbot.addWidget(control)
    return control


@pytest.fixture
def form(qtbot):
    form = ModelForm(Diversify(w_i=0.123456, w_v=2.5, window=(3, 5, 7), stride=(1, 2, 3)))
    qtbot.addWidget(form)
    return form


def slider(control):
    return control.findChild(QDoubleSlider)


def box(control):
    return control.findChild(QDoubleSpinBox)


def axis_boxes(control):
    return control.findChildren(QAbstractSpinBox)


def changes(widget):
    """All that a widget says from now on."""
    said = []
    widget.valueChanged.connect(said.append)
    return said


# ---- one number ----


def test_a_number_set_by_the_program_is_shown_and_not_announced(number):
    said = changes(number)
    number.setValue(3.25)
    assert number.value() == box(number).value() == 3.25
    assert slider(number).value() == pytest.approx(3.25)
    assert said == []


def test_sliding_moves_the_box_and_speaks_once(number):
    said = changes(number)
    slider(number).setValue(2.0)
    assert box(number).value() == 2.0
    assert said == [2.0]


def test_typing_moves_the_slider_and_speaks_once(number):
    said = changes(number)
    box(number).setValue(4.5)
    assert slider(number).value() == pytest.approx(4.5)
    assert said == [4.5]


def test_a_slid_number_has_no_more_digits_than_the_box_shows(number):
    said = changes(number)
    slider(number).setValue(1.23456)
    assert said == [1.23]


def test_a_number_beyond_the_handy_range_widens_the_slider(number):
    assert slider(number).maximum() == 8.0
    box(number).setValue(20.0)
    assert slider(number).maximum() == 20.0
    assert slider(number).value() == pytest.approx(20.0)


def test_no_number_beyond_the_bounds_can_be_typed(number):
    said = changes(number)
    box(number).setValue(1000.0)
    assert said == [32.0]
    box(number).setValue(-1.0)
    assert said == [32.0, 0.0]


# ---- one number per axis ----


def test_axes_show_one_number_each_and_announce_all_of_them(qtbot):
    control = AxesControl("zyx", (1, 99), step=2)
    qtbot.addWidget(control)
    control.setValue((3, 5, 7))
    assert control.value() == (3, 5, 7)
    said = changes(control)
    axis_boxes(control)[1].setValue(9)
    assert said == [(3, 9, 7)]


def test_an_axis_that_does_not_count_is_grey_and_keeps_its_number(qtbot):
    control = AxesControl("zyx", (1, 99))
    qtbot.addWidget(control)
    control.setValue((3, 5, 7))
    control.setAxisEnabled(0, False)
    assert [b.isEnabled() for b in axis_boxes(control)] == [False, True, True]
    assert control.value() == (3, 5, 7)


# ---- a whole model ----


def test_a_form_has_a_control_for_each_parameter_of_the_step(form):
    assert set(form.controls) == {"w_i", "w_v", "window", "stride"}


def test_each_control_takes_its_bounds_and_handy_range_from_the_field(form):
    for name in ("w_i", "w_v"):
        field, control = Diversify.model_fields[name], form.controls[name]
        assert (box(control).minimum(), box(control).maximum()) == bounds_of(field)
        assert (slider(control).minimum(), slider(control).maximum()) == tuple(
            extra_of(field)["slider"]
        )
    for name in ("window", "stride"):
        bounds = bounds_of(Diversify.model_fields[name])
        for axis in axis_boxes(form.controls[name]):
            assert (axis.minimum(), axis.maximum()) == bounds


def test_every_control_of_a_form_says_what_it_means(form):
    for name, control in form.controls.items():
        field = Diversify.model_fields[name]
        assert field.description in control.toolTip()
        assert f"Default: {field.default}" in control.toolTip()


def test_editing_one_field_keeps_the_digits_of_another_that_are_not_shown(form):
    said = changes(form)
    box(form.controls["w_v"]).setValue(3.0)
    assert form.value() == said[0]
    assert form.value().w_i == 0.123456
    assert form.value().w_v == 3.0


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda f: slider(f.controls["w_v"]).setValue(4.0), {"w_v": 4.0}),
        (lambda f: box(f.controls["w_i"]).setValue(0.5), {"w_i": 0.5}),
        (lambda f: axis_boxes(f.controls["window"])[0].setValue(9), {"window": (9, 5, 7)}),
        (lambda f: axis_boxes(f.controls["stride"])[2].setValue(4), {"stride": (1, 2, 4)}),
    ],
    ids=["slide", "type", "window", "stride"],
)
def test_a_form_emits_the_new_model_once_per_change(form, change, expected):
    before, said = form.value(), changes(form)
    change(form)
    assert said == [before.replace(**expected)]


def test_showing_a_model_announces_nothing(form):
    said = changes(form)
    form.setValue(Diversify(w_i=0.7, w_v=9.0, window=11, stride=2))
    assert said == []
    assert form.value() == Diversify(w_i=0.7, w_v=9.0, window=11, stride=2)
    assert axis_boxes(form.controls["window"])[0].value() == 11


def test_an_even_window_is_refused_in_a_sentence_and_taken_back(form, qtbot):
    said, before = changes(form), form.value()
    with qtbot.waitSignal(form.refused) as refused:
        axis_boxes(form.controls["window"])[1].setValue(6)
    assert "odd" in refused.args[0]
    assert "6" in refused.args[0]
    assert said == []
    assert form.value() == before
    assert form.controls["window"].value() == (3, 5, 7)


# ---- small numbers, and bounds that are not reached ----


def test_a_small_number_is_shown_as_it_is(qtbot):
    form = ModelForm(LowPass(cutoff=0.004), ["cutoff"])
    qtbot.addWidget(form)
    control = form.controls["cutoff"]
    assert control.value() == 0.004
    assert box(control).text().replace(",", ".") == "0.004"
    form.setValue(LowPass(cutoff=0.5))
    assert box(control).text().replace(",", ".") == "0.50"


def test_a_bound_that_must_not_be_reached_is_not_reached(qtbot):
    form = ModelForm(LowPass(cutoff=0.004), ["cutoff"])
    qtbot.addWidget(form)
    control, refused = form.controls["cutoff"], []
    form.refused.connect(refused.append)
    assert "Range: above 0, up to 2." in control.toolTip()
    box(control).setValue(0.0)
    assert control.value() == form.value().cutoff == 0.001
    form.setValue(LowPass(cutoff=0.5))
    box(control).setValue(0.0)
    assert control.value() == form.value().cutoff == 0.01
    assert refused == []


def test_what_a_slider_says_of_a_small_number_is_what_is_shown(qtbot):
    form = ModelForm(LowPass(cutoff=0.004), ["cutoff"])
    qtbot.addWidget(form)
    control = form.controls["cutoff"]
    slider(control).setValue(0.0052345)
    assert control.value() == form.value().cutoff == 0.0052
    slider(control).setValue(0.3456)
    assert control.value() == form.value().cutoff == 0.35
