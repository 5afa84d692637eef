"""What the canvas shows of a live layer: what is at hand, at once; the rest as threads deliver it.

A feed stands between a napari layer and the arrays that it shows. napari asks it for a part of
them, mostly in the thread of the window. It answers with exact values where they are at hand or
take no time, otherwise with the last picture of that very part, or the image's own voxels, or with
next to nothing, so that what lies beneath is seen. Meanwhile a thread computes what was asked for,
and then the layer is drawn again. So nothing slow is read, and nothing that takes long is
computed, while anybody waits.
"""

from __future__ import annotations

import copy
import time
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from napari.utils.events import EmitterGroup, Event

from ...core.blocks import normalise_index, whole
from ...recipe.lazy.array import as_index
from ...recipe.lazy.viewable import Look, Viewable
from ..qt.driver import Task, driver, is_there
from ..qt.proxy import behind
from . import pace
from .ahead import Travel, next_ones, travel
from .live_array import LiveArray
from .pictures import Pictures, Place
from .source_watch import SourceWatch
from .wishes import Done, Wish, gives_way, granting, wish_for

# planes computed ahead: so many at most, of so many bytes together, in so many seconds
_AHEAD, _AHEAD_BYTES, _AHEAD_S = 8, 64 << 20, 4.0


class Listener(Protocol):
    """Who is told what becomes of a feed, in the thread of the window."""

    def on_changed(self, tag: Any) -> None:
        """Other arrays are shown from now on: those that were given with this tag."""

    def on_ready(self) -> None:
        """All that was asked for is at hand."""

    def on_left_out(self) -> None:
        """The canvas has asked for a volume that is not at hand, and was given nothing."""

    def on_progressed(self, done: int, pieces: int) -> None:
        """What takes long is so far."""

    def on_failed(self, error: Exception) -> None:
        """What was asked for could not be computed."""


class Feed:
    """The arrays of a live layer, one per level, and what napari gets of them.

    Parameters
    ----------
    arrays : sequence of Viewable
        Finest first; one if the layer is no pyramid.
    at_once : callable
        ``at_once()``: voxels of work that may be done at once at most, however quick it is.

    Attributes
    ----------
    arrays : tuple of Viewable
        That are shown.
    listener : Listener or None
    volumes_aside : bool
        Whether of volumes that are not at hand nothing is drawn, rather than the image itself.
    stepped_aside : bool
        Whether the layer is hidden only until it has something to show.
    looks_ahead : bool
        Whether neighbouring planes are computed while there is nothing else to do.
    events : EmitterGroup
        ``changed``: the arrays have other values than before.
    watch : SourceWatch or None
        Which says when the source was edited; for copies, which follow it by themselves.
    """

    def __init__(self, arrays: Sequence[Viewable], at_once: Callable[[], int]) -> None:
        self.arrays: tuple[Viewable, ...] = tuple(arrays)
        self._listener: Listener | None = None
        self.volumes_aside = self.stepped_aside = False
        self.looks_ahead = True
        self.events = EmitterGroup(source=self, changed=Event)
        self.watch: SourceWatch | None = None
        self._at_once = at_once
        self._driver = driver()
        self._layer: weakref.ReferenceType[Any] | None = None
        self._inserted: Any = None  # emitter of the layer list
        self._awaits = False  # being told of the layer by it
        self._away = False  # the layer has been taken out of it
        self._follows = False  # the watch, by itself
        self._pictures = Pictures()
        self._wanted: Wish | None = None
        self._view: Place | None = None  # asked for last
        self._small: Place | None = None  # and for the thumbnail, of a pyramid
        self._way: Travel | None = None  # that the views go
        self._plate: npt.NDArray[Any] | None = None  # a level that napari keeps
        self._owes_plate = False  # napari keeps next to nothing in its place
        self._on_screen: tuple[Place, npt.NDArray[Any]] | None = None
        self._asked = False  # and not yet seen to
        self._behind = False  # what is on the screen is not what was asked for
        self._left_out = False  # but nothing at all
        self._given_up: tuple[Place | None, Look] | None = None
        self._task: tuple[Task, Wish] | None = None

    # ---- whoever drives the layer, in the thread of the window ----

    def fronts(self) -> list[LiveArray]:
        """The arrays that the layer is to hold."""
        return [LiveArray(self, level) for level in range(len(self.arrays))]

    @property
    def layer(self) -> Any:
        """The layer that holds them, or None."""
        return None if self._layer is None else self._layer()

    def attach(self, layer: Any) -> None:
        """Draw this layer anew when there is something new to be seen."""
        self._layer = weakref.ref(behind(layer))
        if self._awaits:
            self._awaits = False
            self._inserted.disconnect(self._on_inserted)
        self._away = False
        self._go_on()

    def await_layer(self, layers: Any) -> None:
        """Attach the layer that is going to hold the fronts as soon as it is in a layer list."""
        # events give the layer itself: what adding returns may be a proxy, which nobody keeps
        self._inserted, self._awaits = layers.events.inserted, True
        self._inserted.connect(self._on_inserted)

    def follow(self, watch: SourceWatch) -> None:
        """Look again by itself whenever this says that the source was edited."""
        self.watch, self._follows = watch, True
        watch.events.edited.connect(self.edited)

    def leave(self, layers: Any) -> None:
        """Go on without whoever drove the layer: with the settings shown, whatever was wanted.

        A layer that is in this list is finished, and follows its image. One that is not is, when
        it is put back.
        """
        self._wanted = self._listener = None
        self.looks_ahead = False
        self._stop()
        layer = self.layer
        if layer is None:
            return
        if self.watch is not None and not self._follows:
            self.follow(self.watch.again())
        if layer in layers:
            self._go_on()
        else:
            self.await_layer(layers)
            self._away = True

    @property
    def listener(self) -> Listener | None:
        """Who is told; None too if it has been destroyed."""
        return self._listener if is_there(self._listener) else None

    @listener.setter
    def listener(self, listener: Listener | None) -> None:
        self._listener = listener

    @property
    def running(self) -> bool:
        """Whether what is shown is not yet what it should be."""
        waited_for = self._task is not None and not self._task[1].ahead
        return (self._asked and self._behind) or self._wanted is not None or waited_for

    @property
    def newest(self) -> tuple[Any, ...]:
        """The arrays that were given last, shown or not."""
        return self.arrays if self._wanted is None else self._wanted.arrays

    def show(self, arrays: Sequence[Viewable], tag: object) -> None:
        """Show other arrays, of the same shapes, as soon as what is in view is computed."""
        self._wanted, self._given_up = Wish(tuple(arrays), (), tag), None
        self._go_on()

    def give(self, arrays: Sequence[Viewable], granted: Sequence[Done]) -> None:
        """Show other arrays from now on, of which these parts have been computed.

        If what is in view is not among them, the picture stays until it is there.
        """
        self._stop()
        self.arrays, self._wanted, self._given_up = tuple(arrays), None, None
        for done in granted:
            self._pictures.keep(done.place, done.look, done.values)
        self._pictures.keep_only(array.look for array in self.arrays)
        self._behind = self._view is not None
        self.events.changed()
        self._go_on()

    @property
    def in_view(self) -> list[Place]:
        """The parts that are drawn."""
        return self._needed() if self._is_seen() else []

    @property
    def shown(self) -> npt.NDArray[Any] | None:
        """Exact values of what is in view; None if they are not there."""
        if self._view is None:
            return None
        return self._pictures.find(self._view, self.arrays[self._view[0]].look)

    def edited(self) -> None:
        """Look at the source again, which has been edited; the picture stays until then."""
        self.arrays = _looking_again(self.arrays)
        if self._wanted is not None:
            self._wanted = Wish(_looking_again(self._wanted.arrays), (), self._wanted.tag)
        self._given_up, self._behind = None, self._view is not None
        self.events.changed()
        self._go_on()

    def cancel(self) -> None:
        """Stop; what is shown stays."""
        self._give_up()
        self._stop()

    def end(self) -> None:
        """Stop for good."""
        self.cancel()
        self.looks_ahead = False
        self._listener = self._layer = None
        if self._follows and self.watch is not None:
            self._follows = False
            self.watch.events.edited.disconnect(self.edited)
            self.watch.leave()

    # ---- whoever looks at the layer, in any thread ----

    def picture(self, place: Place, *, tile: bool) -> npt.NDArray[Any]:
        """What to draw of a part of a level; of a pyramid, what is no tile is its thumbnail."""
        array = self.arrays[place[0]]
        values = self._pictures.find(place, array.look)
        if values is None:
            values = self._quickly(array, place)
        exact = values is not None
        if values is None:
            values = self._meanwhile(array, place)
        if len(self.arrays) > 1 and not tile:
            self._small = place
        else:
            self._look_at(place)
            self._behind = not exact
            if exact:
                self._on_screen = place, values
            elif self._on_screen is not None and self._on_screen[0] != place:
                self._on_screen = None
        if not exact and self._driver.in_window:
            self._go_on(draw=False)  # before the window has time for it
        self._ask()
        return values

    def plate(self, level: int) -> npt.NDArray[Any]:
        """A whole level that napari asks for once, and keeps: it is filled anew in its place."""
        array = self.arrays[level]
        self._ask()
        if self._plate is None:
            values = self._pictures.find(self._whole(level), array.look)
            if values is None:
                values = array.stand_in(...)
            self._owes_plate = values is None
            if values is None:
                return _nothing(array)
            self._plate = values.copy()
        return self._plate

    def exact(self, level: int, key: Any) -> npt.NDArray[Any]:
        """``arrays[level][key]``, computed if it has to be."""
        array = self.arrays[level]
        region, dropped = normalise_index(key, array.shape)
        if all(r.step == 1 and len(r) for r in region):
            values = self._pictures.find((level, region), array.look)
            if values is not None:
                return values.copy().squeeze(dropped)
        return array[key]

    def copied(self, level: int) -> LiveArray:
        """An array for a copy of the layer, which keeps what is shown now."""
        feed = Feed((copy.copy(self.arrays[level]),), self._at_once)
        if self._inserted is not None:
            feed.await_layer(self._inserted.source)
        if self.watch is not None:
            feed.follow(self.watch.again())
        return LiveArray(feed, 0)

    # ---- what is at hand ----

    def _quickly(self, array: Viewable, place: Place) -> npt.NDArray[Any] | None:
        """A part computed now, if that takes no time that anybody could notice."""
        if not array.in_memory:
            return None
        index = as_index(place[1])
        voxels, kind = array.work(index), array.kind_of_work
        if voxels > self._at_once():
            return None
        start, values, again = time.perf_counter(), None, True
        if pace.PACES.seconds(kind, voxels, again=True) <= pace.AT_ONCE_S:
            values = array.quick(index)
        if values is None and array.prepared(index):
            again = False
            if pace.PACES.seconds(kind, voxels, again=False) <= pace.AT_ONCE_S:
                values = array[index]
        if values is not None:
            pace.PACES.note(kind, voxels, time.perf_counter() - start, again=again)
            self._pictures.keep(place, array.look, values)
        return values

    def _all_quickly(self, wish: Wish) -> bool:
        return all(self._quickly(wish.arrays[p[0]], p) is not None for p in wish.places)

    def _meanwhile(self, array: Viewable, place: Place) -> npt.NDArray[Any]:
        """What to draw until a part has been computed."""
        last = self._on_screen
        if last is not None and last[0] == place:
            return last[1]
        if self.volumes_aside and _axes(place) > 2:
            self._left_out = True
            return _nothing(array)
        values = array.stand_in(as_index(place[1]))
        return _nothing(array) if values is None else values

    def _look_at(self, place: Place) -> None:
        before, self._view = self._view, place
        if before is not None and before[0] == place[0] and before != place:
            self._way = travel(before[1], place[1])

    def _whole(self, level: int) -> Place:
        return level, whole(self.arrays[level].shape)

    def _on_inserted(self, event: Any) -> None:
        data: Any = getattr(event.value, "data", None)
        levels = data if getattr(event.value, "multiscale", False) else [data]
        if any(isinstance(level, LiveArray) and level.feed is self for level in levels):
            self.attach(event.value)

    def _ask(self) -> None:
        if not self._asked:
            self._asked = True
            self._driver.post(self._see_to_it)

    # ---- what is next, in the thread of the window ----

    def _see_to_it(self) -> None:
        """The canvas has asked for something."""
        self._asked, left_out, self._left_out = False, self._left_out, False
        self._go_on()
        if left_out and self._behind and self.listener is not None:
            self.listener.on_left_out()

    def _go_on(self, *, draw: bool = True) -> None:
        """Start what is needed most, unless it is under way; draw what is there already."""
        wish = self._next()
        if self._task is not None:
            task, under_way = self._task
            if wish is None or not gives_way(under_way, wish):
                if wish is not None and not wish.ahead and under_way.ahead:
                    self._driver.hurry(task)
                    self._task = task, Wish(under_way.arrays, under_way.places)
                return
            self._stop()
        if wish is None:
            return
        if not wish.places or (draw and not wish.ahead and self._all_quickly(wish)):
            if draw:
                self._have(wish)
        else:
            task = self._driver.start(
                lambda: granting(wish), self._on_granted, self._on_progressed, ahead=wish.ahead
            )
            self._task = task, wish

    def _next(self) -> Wish | None:
        """What is needed most; without places if it is all there, but not shown yet."""
        seen, wanted = self._is_seen(), self._wanted
        if wanted is not None:
            places = self._needed() if seen else []
            return wish_for(wanted.arrays, places, self._pictures, tag=wanted.tag)
        if not seen or self._view is None or self._has_given_up():
            return None
        wish = wish_for(self.arrays, self._needed(), self._pictures)
        if wish.places or self._behind:
            return wish
        small = [] if self._small is None else [self._small]
        wish = wish_for(self.arrays, small, self._pictures, ahead=1)
        return wish if wish.places else self._ahead()

    def _needed(self) -> list[Place]:
        """The parts that have to be there before anything is drawn."""
        layer, last = self.layer, len(self.arrays) - 1
        if self._plate is None and not self._owes_plate:
            return [] if self._view is None else [self._view]
        if self._view is None or (layer is not None and layer.data_level == last):
            return [self._whole(last)]
        return [self._view, self._whole(last)]

    def _ahead(self) -> Wish | None:
        """The nearest plane that is likely to be asked for next and not there yet."""
        if not self.looks_ahead or self._view is None or _axes(self._view) > 2:
            return None
        level, region = self._view
        array = self.arrays[level]
        index = as_index(region)
        seconds = pace.PACES.seconds(array.kind_of_work, array.work(index), again=False)
        if array.in_memory and seconds <= pace.AT_ONCE_S:
            return None  # it takes no time then
        size = max(1, int(np.prod([len(r) for r in region])) * array.dtype.itemsize)
        n = min(_AHEAD, _AHEAD_BYTES // size, int(_AHEAD_S / seconds))
        for distance, there in enumerate(next_ones(region, array.shape, self._way, n), 1):
            wish = wish_for(self.arrays, [(level, there)], self._pictures, ahead=distance)
            if wish.places:
                return wish
        return None

    def _is_seen(self) -> bool:
        layer = self.layer
        return not self._away and (layer is None or self.stepped_aside or bool(layer.visible))

    # ---- what becomes of it ----

    def _on_granted(self, granted: list[Done] | None, error: Exception | None) -> None:
        assert self._task is not None
        wish, self._task = self._task[1], None
        if error is not None or granted is None:
            self._give_up()
            if self.listener is not None:
                self.listener.on_failed(error or RuntimeError("nothing came of it"))
                self.listener.on_ready()
            return
        for done in granted:
            if done.look.same_as(wish.arrays[done.place[0]].look):  # not edited meanwhile
                self._pictures.keep(done.place, done.look, done.values)
        if wish.ahead:
            self._go_on()
        else:
            self._have(wish)

    def _have(self, wish: Wish) -> None:
        """Show what was wished for, if it is still what is needed; and go on."""
        needed = self._needed() if self._is_seen() else []
        if not wish_for(wish.arrays, needed, self._pictures).places:
            if wish.tag is not None:
                self._adopt(wish)
            self._fill_plate()
            self._behind = False
            self._draw()
        self._go_on()
        if not self.running and self.listener is not None:
            self.listener.on_ready()

    def _adopt(self, wish: Wish) -> None:
        self.arrays = wish.arrays
        if self._wanted is not None and self._wanted.tag is wish.tag:
            self._wanted = None
        self._pictures.keep_only(array.look for array in self.arrays)
        if self.listener is not None:
            self.listener.on_changed(wish.tag)
        self.events.changed()

    def _fill_plate(self) -> None:
        """Put what is true now where napari looks for the coarsest level of a flat pyramid."""
        values = self._pictures.find(self._whole(len(self.arrays) - 1), self.arrays[-1].look)
        layer = self.layer
        if values is None:
            return
        if self._plate is not None:
            self._plate[...] = values
        elif self._owes_plate and layer is not None:
            self._owes_plate = False
            locked = layer.locked_data_level  # which napari forgets with new data
            layer.data = list(layer.data)  # asks for the plate again
            if locked is not None:
                layer.locked_data_level = locked

    def _draw(self) -> None:
        layer = self.layer
        if layer is not None:
            layer.refresh(thumbnail=False, highlight=False, extent=False)

    def _on_progressed(self, done: int, pieces: int) -> None:
        if self.listener is not None:
            self.listener.on_progressed(done, pieces)

    def _stop(self) -> None:
        if self._task is not None:
            self._driver.drop(self._task[0])
            self._task = None

    def _give_up(self) -> None:
        """Do not try again by itself what was cancelled, or failed, until something changes."""
        self._wanted, self._behind = None, False
        self._given_up = self._view, self.arrays[0].look

    def _has_given_up(self) -> bool:
        if self._given_up is None:
            return False
        place, look = self._given_up
        return place == self._view and look.same_as(self.arrays[0].look)


def _nothing(array: Viewable) -> npt.NDArray[Any]:
    """One voxel at the corner: napari draws no array that has none."""
    return np.zeros((1,) * len(array.shape), array.dtype)


def _axes(place: Place) -> int:
    """How many axes of a part are in view."""
    return sum(len(r) > 1 for r in place[1])


def _looking_again(arrays: tuple[Viewable, ...]) -> tuple[Viewable, ...]:
    """Copies of arrays whose source has been edited."""
    new = tuple(copy.copy(array) for array in arrays)
    for array in new:
        array.look_again()
    return new
