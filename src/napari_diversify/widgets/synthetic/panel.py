"""Shows and edits what specimen is wanted: its kind, field, parameters and seed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget
from superqt import QCollapsible, QLargeIntSpinBox
from superqt.utils import signals_blocked

from ...core.specimens.microscope import Microscope
from ...synthetic.plan import USUAL, Plan, as_seen_in
from ...synthetic.registry import KINDS, Synthetic
from ...synthetic.renderers import Renderer
from ..models.chooser import ModelChooser
from ..qt.column import Column
from ..qt.forms import AxesControl, ModelForm, narrow, tooltip_of
from ..qt.numbers import DecimalBox, whole_numbers_only
from ..qt.parts import button, combo, row, tip

_LONGEST = 100_000  # voxels along an axis
_SEEN = tuple(Microscope.__dataclass_fields__)
_SIZES = (0.0001, 10_000.0)  # µm, of a voxel
_MICROSCOPE = "the microscope"
_ONLY_3D = ("axial_blur", "flatness", "layer")
#: What a density is one of, by number of axes.
_PER = {2: "per 1000 µm²", 3: "per 1000 µm³"}


class SizesControl(QWidget):
    """A length per axis: z [0.5] y [0.2] x [0.2]. Keeps digits that it does not show."""

    valueChanged = Signal(tuple)

    def __init__(self, axes: Iterable[str]) -> None:
        super().__init__()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self._boxes: list[DecimalBox] = []
        self._value: list[float] = []
        for n, axis in enumerate(axes):
            box = DecimalBox()
            box.setDecimals(4)
            box.setRange(*_SIZES)
            box.setButtonSymbols(DecimalBox.ButtonSymbols.NoButtons)  # room for digits
            box.setSingleStep(0.05)
            box.setKeyboardTracking(False)
            narrow(box, 58)
            self._value.append(box.value())
            # the control lives as long as its boxes, so the closure keeps nothing alive
            box.valueChanged.connect(lambda size, n=n: self._on_typed(n, size))
            layout.addWidget(QLabel(axis))
            layout.addWidget(box, stretch=1)
            self._boxes.append(box)

    def value(self) -> tuple[float, ...]:
        """A length per axis."""
        return tuple(self._value)

    def setValue(self, value: Iterable[float]) -> None:
        """Show a length per axis."""
        self._value = [float(size) for size in value]
        for box, size in zip(self._boxes, self._value, strict=True):
            with signals_blocked(box):
                box.setDecimals(4)
                box.setValue(size)
                digits = f"{box.value():.4f}".rstrip("0").partition(".")[2]
                box.setDecimals(max(2, len(digits)))

    def setAxisEnabled(self, axis: int, enabled: bool) -> None:
        """Grey out an axis that does not count."""
        self._boxes[axis].setEnabled(enabled)

    def _on_typed(self, axis: int, size: float) -> None:
        self._value[axis] = size
        self.setValue(self._value)
        self.valueChanged.emit(self.value())


class KindForm(QWidget):
    """The parameters of one kind of specimen, and those of the microscope in a section."""

    # v Nuclei
    #     diameter (µm) ---o--- [7.00] ...
    # > Microscope
    valueChanged = Signal(object)  # the model
    refused = Signal(str)

    def __init__(self, model: Synthetic) -> None:
        super().__init__()
        self._model = model
        fields = [name for name in type(model).model_fields if name != "seed"]
        self.specimen = ModelForm(model, [name for name in fields if name not in _SEEN])
        self.microscope = ModelForm(model, [name for name in fields if name in _SEEN])
        self.sections = {
            model.kind: QCollapsible(model.kind.capitalize()),
            "microscope": QCollapsible("Microscope"),
        }
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for section, form in zip(
            self.sections.values(), (self.specimen, self.microscope), strict=True
        ):
            section.setDuration(0)
            section.toggleButton().setToolTip(f"Show or hide the settings of “{section.text()}”.")
            section.addWidget(form)
            layout.addWidget(section)
            form.refused.connect(self.refused)
        self.specimen.valueChanged.connect(self._on_specimen)
        self.microscope.valueChanged.connect(self._on_microscope)
        self.sections[model.kind].expand(animate=False)

    @property
    def controls(self) -> dict[str, Any]:
        """The control of each parameter."""
        return {**self.specimen.controls, **self.microscope.controls}

    def value(self) -> Synthetic:
        """The model, with all changes made by the user."""
        return self._model

    def setValue(self, model: Synthetic) -> None:
        """Show a model."""
        self._model = model
        self.specimen.setValue(model)
        self.microscope.setValue(model)

    def setNdim(self, ndim: int) -> None:
        """Say what holds in volumes (3) or images (2), and grey out what has no effect there."""
        for form in (self.specimen, self.microscope):
            layout = form.layout()
            assert isinstance(layout, QFormLayout)
            for name, control in form.controls.items():
                label = layout.labelForField(control)
                if name in _ONLY_3D:
                    control.setEnabled(ndim == 3)
                    label.setEnabled(ndim == 3)
                elif name == "density":
                    label.setText(f"density ({_PER[ndim]})")

    def _on_specimen(self, model: Synthetic) -> None:
        self._take(self.specimen, model)

    def _on_microscope(self, model: Synthetic) -> None:
        self._take(self.microscope, model)

    def _take(self, form: ModelForm, model: Synthetic) -> None:
        """Take over the fields of one of the forms, each of which has only some of them."""
        self._model = self._model.replace(**{n: getattr(model, n) for n in form.controls})
        self.valueChanged.emit(self._model)


class SyntheticPanel(QWidget):
    """A plan of a synthetic specimen; switching kind or dimensions and back changes nothing."""

    # kind        [nuclei     v] [3D volume v]
    # shape       z [ 64] y [256] x [256]
    # voxel (µm)  z [0.5] y [0.2] x [0.2]
    # seed        [ 0 ] [new]
    # image by    [the microscope v]
    # (the form, scrolling)
    valueChanged = Signal(object)  # Plan
    refused = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._plan = Plan()
        self._fields = dict(USUAL)  # shape and voxel size by number of axes
        self.kind = combo("kind", "What is made: nuclei, or cells with stained membranes.")
        self.kind.addItems(list(KINDS))
        self.dimensions = combo(
            "dimensions", "A volume (z, y, x), or an image of one plane (y, x) drawn as such."
        )
        self.dimensions.addItem("3D volume", 3)
        self.dimensions.addItem("2D image", 2)
        self.shape = AxesControl("zyx", (1, _LONGEST))
        self.shape.setToolTip(
            tip("shape", f"Voxels along each axis, up to {_LONGEST:,}. Only what is in view is "
            "computed.")
        )  # fmt: skip
        self.spacing = SizesControl("zyx")
        self.spacing.setToolTip(tip("voxel size", "Distance of voxels along each axis. Unit: µm."))
        for control in (self.shape, self.spacing):
            control.layout().setSpacing(3)  # a dock is narrow
        self.seed = whole_numbers_only(QLargeIntSpinBox())
        self.seed.setRange(0, 2**32 - 1)
        self.seed.setKeyboardTracking(False)
        self.seed.setToolTip(tooltip_of("seed", KINDS["nuclei"].model_fields["seed"]))
        narrow(self.seed, 72)
        self.new_seed = button("new", "Take another seed at random.")
        self.renderer = ModelChooser("dress", _MICROSCOPE)
        self.renderer.setToolTip(
            tip(
                "image by",
                "What makes the image of the objects: the microscope below, or a model that was "
                "trained in the dock Learn to dress masks as your images look. Its labels are "
                "then what can be found in the image.",
            )
        )
        self.forms = {kind: KindForm(model()) for kind, model in KINDS.items()}

        above = QFormLayout()
        above.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        above.addRow("kind", row(self.kind, self.dimensions))
        above.addRow("shape", self.shape)
        above.addRow("voxel (µm)", self.spacing)
        above.addRow("seed", row(self.seed, self.new_seed))
        above.addRow("image by", self.renderer)
        forms = QWidget()
        stack = QVBoxLayout(forms)
        stack.setContentsMargins(0, 0, 0, 0)
        for form in self.forms.values():
            stack.addWidget(form)
            form.valueChanged.connect(self._on_model)
            form.refused.connect(self.refused)
        stack.addStretch()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(above)
        layout.addWidget(Column(forms), stretch=1)

        self.kind.currentTextChanged.connect(self._on_kind)
        self.dimensions.currentIndexChanged.connect(self._on_dimensions)
        self.shape.valueChanged.connect(self._on_shape)
        self.spacing.valueChanged.connect(self._on_spacing)
        self.seed.valueChanged.connect(self._on_seed)
        self.new_seed.clicked.connect(self._on_new_seed)
        self.renderer.modelChosen.connect(self._on_renderer)
        self.renderer.refused.connect(self.refused)
        self.setValue(self._plan)

    @property
    def form(self) -> KindForm:
        """The form of the kind that is chosen."""
        return self.forms[self._plan.model.kind]

    def value(self) -> Plan:
        """The plan, with all changes made by the user."""
        return self._plan

    def setValue(self, plan: Plan) -> None:
        """Show a plan.

        Raises
        ------
        ValueError
            If its field is larger than can be shown; then nothing is changed.
        """
        _check_shown(plan)
        kind, ndim = plan.model.kind, plan.ndim
        if ndim != self._plan.ndim:
            for form in self.forms.values():
                form.setValue(as_seen_in(form.value(), ndim))
        self._plan = plan
        self._fields[ndim] = plan.shape, plan.spacing
        self.forms[kind].setValue(plan.model)
        with signals_blocked(self.kind), signals_blocked(self.dimensions):
            self.kind.setCurrentText(kind)
            self.dimensions.setCurrentIndex(self.dimensions.findData(ndim))
        self.renderer.setModel("" if plan.renderer is None else plan.renderer.model)
        with signals_blocked(self.seed):
            self.seed.setValue(plan.model.seed)
        lead = 3 - ndim  # an axis that images have not keeps what it showed in volumes
        self.shape.setValue((*self._fields[3][0][:lead], *plan.shape))
        self.spacing.setValue((*self._fields[3][1][:lead], *plan.spacing))
        for control in (self.shape, self.spacing):
            control.setAxisEnabled(0, ndim == 3)
        for name, form in self.forms.items():
            form.setVisible(name == kind)
            form.sections["microscope"].setVisible(plan.renderer is None)
            form.setNdim(ndim)

    def _change(self, plan: Plan) -> None:
        self.setValue(plan)
        self.valueChanged.emit(plan)

    def _on_model(self, model: Synthetic) -> None:
        # the form shows it already
        self._plan = replace(self._plan, model=model.replace(seed=self._plan.model.seed))
        self.valueChanged.emit(self._plan)

    def _on_kind(self, kind: str) -> None:
        model = self.forms[kind].value().replace(seed=self._plan.model.seed)
        self._change(replace(self._plan, model=model))

    def _on_dimensions(self) -> None:
        ndim = self.dimensions.currentData()
        model, renderer = as_seen_in(self._plan.model, ndim), self._plan.renderer
        self._change(Plan(model, *self._fields[ndim], renderer))

    def _on_shape(self, shape: tuple[int, ...]) -> None:
        self._change(replace(self._plan, shape=shape[-self._plan.ndim :]))

    def _on_spacing(self, spacing: tuple[float, ...]) -> None:
        self._change(replace(self._plan, spacing=spacing[-self._plan.ndim :]))

    def _on_seed(self) -> None:
        self._change(self._plan.with_(seed=int(self.seed.value())))

    def _on_renderer(self, model: str) -> None:
        renderer = Renderer(model=model) if model else None
        self._change(replace(self._plan, renderer=renderer))

    def _on_new_seed(self) -> None:
        self.seed.setValue(secrets.randbelow(10_000))


def _check_shown(plan: Plan) -> None:
    if max(plan.shape) > _LONGEST:
        raise ValueError(
            f"up to {_LONGEST:,} voxels along an axis can be shown; got shape {plan.shape}"
        )
    low, high = _SIZES
    if not all(low <= size <= high for size in plan.spacing):
        raise ValueError(f"voxel sizes must be {low:g} to {high:,.0f} µm; got {plan.spacing}")
