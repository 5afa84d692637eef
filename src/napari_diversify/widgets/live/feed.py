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
from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt
from napari.utils.events import EmitterGroup, Event

from ...core.blocks import normalise_index, whole
from ...recipe.lazy.viewable import Look, Viewable
from ..qt.driver import Task, driver, is_there
from . import pace
from .ahead import wish_ahead
from .holder import Holder
from .listener import Listener
from .live_array import LiveArray
from .on_screen import OnScreen
from .pictures import Pictures, Place
from .plate import Plate
from .source_watch import SourceWatch
from .wishes import Done, Wish, gives_way, granting, looking_again, quickly, wish_for


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
        self._holder = Holder(self)
        self._follows = False  # the watch, by itself
        self._pictures = Pictures()
        self._screen = OnScreen()
        self._plate = Plate()
        self._wanted: Wish | None = None
        self._asked = False  # and not yet seen to
        self._given_up: tuple[Place | None, Look] | None = None
        self._task: tuple[Task, Wish] | None = None

    # ---- whoever drives the layer, in the thread of the window ----

    def fronts(self) -> list[LiveArray]:
        """The arrays that the layer is to hold."""
        return [LiveArray(self, level) for level in range(len(self.arrays))]

    @property
    def layer(self) -> Any:
        """The layer that holds them, or None."""
        return self._holder.layer

    def attach(self, layer: Any) -> None:
        """Draw this layer anew when there is something new to be seen."""
        self._holder.take(layer)
        self._go_on()

    def await_layer(self, layers: Any) -> None:
        """Attach the layer that is going to hold the fronts as soon as it is in a layer list."""
        self._holder.await_in(layers)

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
            self._holder.away = True

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
        return (self._asked and self._screen.behind) or self._wanted is not None or waited_for

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
        self._screen.behind = self._screen.view is not None
        self.events.changed()
        self._go_on()

    @property
    def in_view(self) -> list[Place]:
        """The parts that are drawn."""
        return self._needed() if self._is_seen() else []

    @property
    def shown(self) -> npt.NDArray[Any] | None:
        """Exact values of what is in view; None if they are not there."""
        if self._screen.view is None:
            return None
        return self._pictures.find(self._screen.view, self.arrays[self._screen.view[0]].look)

    def edited(self) -> None:
        """Look at the source again, which has been edited; the picture stays until then."""
        self.arrays = looking_again(self.arrays)
        if self._wanted is not None:
            self._wanted = Wish(looking_again(self._wanted.arrays), (), self._wanted.tag)
        self._given_up, self._screen.behind = None, self._screen.view is not None
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
        self._listener = None
        self._holder.drop()
        if self._follows and self.watch is not None:
            self._follows = False
            self.watch.events.edited.disconnect(self.edited)
            self.watch.leave()

    # ---- whoever looks at the layer, in any thread ----

    def picture(self, place: Place, *, tile: bool) -> npt.NDArray[Any]:
        """What to draw of a part of a level; of a pyramid, what is not a tile is its thumbnail."""
        array = self.arrays[place[0]]
        values = self._pictures.find(place, array.look)
        if values is None:
            values = self._quickly(array, place, pace.AT_ONCE_S)
        exact = values is not None
        if values is None:
            values = self._screen.meanwhile(array, place, aside=self.volumes_aside)
        if len(self.arrays) > 1 and not tile:
            self._screen.small = place
        else:
            self._screen.give(place, values, exact=exact)
        if not exact and self._driver.in_window:
            self._go_on(draw=False)  # before the window has time for it
        self._ask()
        return values

    def plate(self, level: int) -> npt.NDArray[Any]:
        """A whole level that napari asks for once, and keeps: it is filled anew in its place."""
        array = self.arrays[level]
        self._ask()
        return self._plate.give(array, self._pictures.find(self._whole(level), array.look))

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
        if self._holder.layers is not None:
            feed.await_layer(self._holder.layers)
        if self.watch is not None:
            feed.follow(self.watch.again())
        return LiveArray(feed, 0)

    # ---- what is at hand ----

    def _quickly(self, array: Viewable, place: Place, seconds: float) -> npt.NDArray[Any] | None:
        """A part computed now, if that takes no more than so many seconds."""
        return quickly(array, place, self._pictures, self._at_once(), seconds)

    def _all_quickly(self, wish: Wish) -> bool:
        seconds = min(pace.MEANWHILE_S, pace.AT_ONCE_S)
        return all(self._quickly(wish.arrays[p[0]], p, seconds) is not None for p in wish.places)

    def _whole(self, level: int) -> Place:
        return level, whole(self.arrays[level].shape)

    def _ask(self) -> None:
        if not self._asked:
            self._asked = True
            self._driver.post(self._see_to_it)

    # ---- what is next, in the thread of the window ----

    def _see_to_it(self) -> None:
        """The canvas has asked for something."""
        screen, self._asked = self._screen, False
        left_out, screen.left_out = screen.left_out, False
        self._go_on()
        if left_out and screen.behind and self.listener is not None:
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
        screen = self._screen
        if not seen or screen.view is None or self._has_given_up():
            return None
        wish = wish_for(self.arrays, self._needed(), self._pictures)
        if wish.places or screen.behind:
            return wish
        small = [] if screen.small is None else [screen.small]
        wish = wish_for(self.arrays, small, self._pictures, ahead=1)
        if wish.places or not self.looks_ahead:
            return wish if wish.places else None
        return wish_ahead(self.arrays, screen.view, screen.way, self._pictures)

    def _needed(self) -> list[Place]:
        """The parts that have to be there before anything is drawn."""
        layer, view, last = self.layer, self._screen.view, len(self.arrays) - 1
        if not self._plate.asked_for:
            return [] if view is None else [view]
        if view is None or (layer is not None and layer.data_level == last):
            return [self._whole(last)]
        return [view, self._whole(last)]

    def _is_seen(self) -> bool:
        layer = self.layer
        return not self._holder.away and (
            layer is None or self.stepped_aside or bool(layer.visible)
        )

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
            self._screen.behind = False
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
        values = self._pictures.find(self._whole(len(self.arrays) - 1), self.arrays[-1].look)
        if values is not None:
            self._plate.fill(values, self.layer)

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
        self._wanted, self._screen.behind = None, False
        self._given_up = self._screen.view, self.arrays[0].look

    def _has_given_up(self) -> bool:
        if self._given_up is None:
            return False
        place, look = self._given_up
        return place == self._screen.view and look.same_as(self.arrays[0].look)
