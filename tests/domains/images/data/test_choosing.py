"""Limits and held-out sets take their share of every class, though folders are read class by class."""

import numpy as np
import torch

from advsci_images.commands import augment, train, translate, upscale
from advsci_images.config import Augment, Train, Translate, Upscale
from advsci_images.data.choosing import at_most, split
from advsci_images.data.form import Form
from advsci_images.data.stack import Stack


def by_class(counts: list[int]) -> Stack:
    """Images of as many classes as there are counts, read class by class; each image is its row number."""
    n = sum(counts)
    labels = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    images = torch.arange(float(n))[:, None, None, None].expand(n, 1, 8, 8)
    return Stack(images, Form(".png", "uint8"), tuple(f"{i:03d}" for i in range(n)), labels, tuple("abcdefg"))


def test_a_limit_takes_its_share_of_every_class():
    few = at_most(by_class([60, 30, 6]), 32)
    assert torch.bincount(few.labels).tolist() == [20, 10, 2]
    assert few.names == tuple(f"{int(x[0, 0, 0]):03d}" for x in few.images) and list(few.names) == sorted(few.names)


def test_no_class_is_lost_to_a_limit():
    assert at_most(by_class([500, 1, 1, 1]), 4).labels.tolist() == [0, 1, 2, 3]
    assert len(at_most(by_class([5, 5]), 100)) == 10


def test_held_out_images_are_of_every_class_and_of_no_row_twice():
    learn, held = split(by_class([80, 40, 8, 2, 1]), 0.125, 4)
    assert torch.bincount(held.labels).tolist() == [9, 5, 1, 1]
    assert sorted(learn.names + held.names) == sorted(by_class([80, 40, 8, 2, 1]).names)
    assert held.names[0] == "071"  # the last of the first class


def test_without_labels_the_last_rows_are_held_out():
    stack = by_class([10])
    plain = Stack(stack.images, stack.form, stack.names)
    assert split(plain, 0.2, 3)[1].names == ("007", "008", "009") and at_most(plain, 3).names == ("000", "001", "002")


def sorted_npz(path, n=96, side=16):
    """An npz of four classes, one after the other."""
    x = np.random.default_rng(0).integers(0, 255, (n, side, side)).astype(np.uint8)
    np.savez(path, x=x, y=np.repeat(np.arange(4), n // 4))
    return str(path)


def test_commands_see_every_class_under_a_limit(tmp_path):
    data = sorted_npz(tmp_path / "a.npz")
    parts = [
        train.sets(Train(data=data, limit=70)),
        augment.sets(Augment(data=data, limit=70, minority=[1])),
        upscale.sets(Upscale(data=data, limit=70))[::2],
    ]
    for learn, held in parts:
        assert len(learn.labels.unique()) == len(held.labels.unique()) == 4
    assert len(translate.of_classes(Translate(data=data, method="stargan", limit=40)).labels.unique()) == 4


def test_pairs_stay_pairs_under_a_limit(tmp_path):
    x = np.random.default_rng(0).integers(0, 255, (80, 12, 12)).astype(np.uint8)
    np.savez(tmp_path / "x.npz", x=x, y=np.repeat([0, 1], 40))
    np.savez(tmp_path / "y.npz", x=255 - x)  # no labels: its own choice would be of other rows
    found = translate.sets(
        Translate(data=str(tmp_path / "x.npz"), target=str(tmp_path / "y.npz"), method="pix2pix", limit=40)
    )
    torch.testing.assert_close(found.source.images, -found.target.images)
    torch.testing.assert_close(found.held_source.images, -found.held_target.images)
    assert len(found.held_source.labels.unique()) == 2
