"""Directions of attributes are found where they are known, and leave the other attributes alone."""

import pytest
import torch

from advsci.errors import DataError
from advsci.nn import StyleGenerator
from advsci.streams import Stream
from advsci_images.systems.directions import attribute_directions, changes, moved
from advsci_images.systems.paths import changed

TRUE = torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]])
"""What the two attributes read of a style: their normals are 45 degrees apart."""


class Glass(StyleGenerator):
    """A generator whose styles are its latent vectors, and whose 8 x 8 images show the first three of them as bands."""

    def __init__(self):
        super().__init__(3, 1, 4, (8, 8), style=3)
        self.mapping = torch.nn.Identity()

    def synthesise(self, styles):
        return (styles[0] / 4.0)[:, None, :, None].repeat_interleave(2, 2).expand(-1, 1, 6, 8)


def read(images: torch.Tensor) -> torch.Tensor:
    """Scores of both attributes."""
    return images[:, 0, ::2, 0] @ TRUE.T


def test_a_direction_changes_its_attribute_alone():
    glass = Glass()
    found = attribute_directions(glass, read, Stream(0), samples=4000)
    assert float(found.accuracy.min()) > 0.97
    wanted = torch.tensor([[1.0, -1.0, 0.0], [0.0, 1.0, 0.0]])  # orthogonal to the other's normal
    cosine = torch.nn.functional.cosine_similarity(found.along, wanted)
    assert float(cosine.min()) > 0.99
    z = Stream(1).normal((500, 3))
    plain = read(moved(glass, z, found.along[0], 0.0))
    got, others = changes(plain, read(moved(glass, z, found.along[0], 3.0)), 0)
    assert float(got) > 0.95 and float(others) < 0.02
    naive = torch.nn.functional.normalize(TRUE[0], dim=0) * 3.0  # the normal itself drags the other along
    assert float(changes(plain, read(moved(glass, z, naive, 1.0)), 0)[1]) > 0.2


def test_one_deviation_is_the_styles_own():
    found = attribute_directions(Glass(), read, Stream(0), samples=4000)
    assert found.along.norm(dim=1).tolist() == pytest.approx([1.0, 1.0], abs=0.05)  # styles are standard normal


def test_an_attribute_that_all_images_have_is_named():
    with pytest.raises(DataError, match="attribute 0 in 100 of 100"):
        attribute_directions(Glass(), lambda x: torch.ones(len(x), 1), Stream(0), samples=100)


def bent(images: torch.Tensor) -> torch.Tensor:
    """Scores of an attribute and of one whose border is a parabola in the first: no straight move spares it."""
    u, v = images[:, 0, 0, 0] * 4.0, images[:, 0, 2, 0] * 4.0
    return torch.stack([u, 4.0 * (v - u.square())], 1)


def test_a_path_goes_round_the_border_of_another_attribute():
    glass, z = Glass(), Stream(1).normal((400, 3))
    straight = moved(glass, z, attribute_directions(glass, bent, Stream(0)).along[0], 3.0)
    before = bent(moved(glass, z, torch.zeros(3), 0.0))
    assert float(changes(before, bent(straight), 0)[1]) > 0.15
    path = bent(changed(glass, z, bent, 0, Stream(2), score=1.5))
    got, others = changes(before, path, 0)
    assert float(got) > 0.95 and float(others) < 0.02
    has = before[:, 0] > 1.5
    torch.testing.assert_close(path[has], before[has], atol=0.05, rtol=0)  # who has it is left alone
