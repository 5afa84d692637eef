"""Random events in a real window: nothing breaks, lies or touches what is not ours."""

import pytest
from monkey import Monkey, drawn, world_of

pytestmark = pytest.mark.viewer


def test_whatever_is_done_the_pictures_are_right_and_the_users_layers_untouched(viewer, slicing):
    world = world_of(viewer)
    monkey = Monkey(world)
    monkey.play(drawn(seed=11 if slicing == "sync" else 12, n=150))
    world.close()
