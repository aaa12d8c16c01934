"""Whatever users have becomes a source of batches; what cannot is named."""

import random

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset
from toy_game import toy_data, toy_game, toy_solver, toy_trainer

from advsci.errors import DataError
from advsci.streams import Stream
from advsci.training.data import ArraySource, ItemSource, StreamSource, TensorSource, as_source, content_of
from advsci.training.reading import reader


class Pairs(Dataset):
    """Samples that are random, as under augmentation."""

    def __init__(self, noise: float = 0.0):
        self.noise = noise

    def __len__(self):
        return 37

    def __getitem__(self, i):
        jitter = self.noise * (float(torch.rand(())) + random.random() + np.random.rand())  # noqa: NPY002
        return {"x": torch.tensor([float(i), jitter])}


class Endless(IterableDataset):
    def __iter__(self):
        return iter(torch.arange(20.0).reshape(10, 2))


def trained(data) -> torch.Tensor:
    training = toy_trainer(steps=6).fit(toy_game(), data, toy_solver())
    return training.game.get_parameter("generator.0.weight").detach()


def test_every_form_of_the_same_data_gives_the_same_training(tmp_path):
    x = toy_data(100)
    array = x.numpy()
    disk = np.memmap(tmp_path / "x.dat", array.dtype, "w+", shape=array.shape)
    disk[:] = array
    expected = trained(x)
    forms = [
        array,
        disk,
        {"x": array},
        {"x": disk},
        TensorDataset(x),
        DataLoader(TensorDataset(x)),
        list(x),
        list(array),
    ]
    for form in forms:
        assert torch.equal(trained(form), expected), type(form)


@pytest.mark.parametrize("package", ["zarr", "h5py"])
def test_arrays_of_a_store_stay_on_disk_and_give_the_same_training(tmp_path, package):
    store = pytest.importorskip(package)
    x = toy_data(100)
    if package == "zarr":
        group = store.open_group(tmp_path / "a.zarr", mode="w")
        group.create_array("x", data=x.numpy(), chunks=(16, 2))
    else:
        group = store.File(tmp_path / "a.h5", "w")
        group["x"] = x.numpy()
    for form in (group["x"], {"x": group["x"]}, group):
        source = as_source(form)
        assert isinstance(source, ArraySource)
        rows = torch.tensor([7, 2, 99, 2])  # in any order, more than once
        assert torch.equal(source[rows]["x"], x[rows])
        assert torch.equal(trained(form), trained(x))


def test_the_words_of_a_shard_about_its_samples_are_no_values():
    """Samples as webdataset gives them."""
    x = toy_data(64)
    samples = [{"__key__": f"{i:06d}", "__url__": "a.tar", "x": row} for i, row in enumerate(x)]
    source = as_source(iter_anew(samples))
    assert isinstance(source, StreamSource)
    assert torch.equal(source[torch.tensor([3, 1])]["x"], x[[3, 1]])
    assert torch.equal(trained(iter_anew(samples)), trained(iter_anew(list(x))))


def iter_anew(samples):
    class Shard:
        def __iter__(self):
            return iter(samples)

    return Shard()


def test_kinds_of_sources():
    x = torch.ones(4, 2)
    assert isinstance(as_source(x), TensorSource) and isinstance(as_source(Pairs()), ItemSource)
    assert isinstance(as_source(Endless()), StreamSource) and isinstance(as_source(x.numpy()), TensorSource)
    assert isinstance(as_source(DataLoader(Pairs(), num_workers=3)), ItemSource)
    assert as_source(DataLoader(Pairs(), num_workers=3)).workers == 3
    source = as_source(TensorDataset(x, torch.arange(4)))
    assert set(source[torch.arange(2)]) == {"x", "condition"}
    assert as_source(source) is source


@pytest.mark.parametrize(
    "bad, text",
    [
        ([1.0, 2.0], "got data of type list"),
        ("data", "got data of type str"),
        (7, "got data of type int"),
        ({"x": np.array(["a", "b"])}, "make no tensors"),
        (TensorDataset(torch.ones(2, 2), torch.ones(2), torch.ones(2)), "3 parts"),
        (np.ones((0, 2)), "empty"),
        (iter(()), "empty stream"),
    ],
)
def test_what_holds_no_samples_is_named(bad, text):
    with pytest.raises(DataError, match=text):
        as_source(bad)


def test_samples_that_cannot_be_stacked_are_named():
    ragged = as_source([torch.ones(2), torch.ones(3)])
    with pytest.raises(DataError, match="cannot be stacked"):
        ragged[torch.arange(2)]


def test_a_generator_that_cannot_start_anew_is_named():
    source = as_source(sample for sample in torch.ones(5, 2))
    with pytest.raises(DataError, match="iterated over again"):
        reader(source, Stream(0), 4, 4)(0, 4)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_the_same_for_any_number_of_workers_and_any_start(workers):
    def read(start: int, workers: int):
        source = ItemSource(Pairs(noise=1.0), workers=workers)
        take = reader(source, Stream(4), 8, 8)
        return [take(position, 8)["x"] for position in range(start, 48, 8)]

    whole = read(0, 0)
    torch.testing.assert_close(read(0, workers), whole, rtol=0, atol=0)
    torch.testing.assert_close(read(16, workers), whole[2:], rtol=0, atol=0)  # resumed in the middle of an epoch


def test_reading_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    reader(ItemSource(Pairs(noise=1.0)), Stream(0), 8, 8)(0, 8)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_stream_goes_on_where_it_was():
    whole, later = (reader(as_source(Endless()), Stream(0), 4, 4) for _ in range(2))
    batches = [whole(position, 4)["x"] for position in range(0, 24, 4)]
    torch.testing.assert_close(later(16, 4)["x"], batches[4])
    assert torch.equal(torch.cat(batches)[:10], torch.arange(20.0).reshape(10, 2))
    assert torch.equal(torch.cat(batches)[10:20], torch.arange(20.0).reshape(10, 2))


def test_content_is_known_again_and_random_samples_by_their_number(tmp_path):
    x = toy_data(50)
    assert content_of(as_source(x)) == content_of(as_source(x.clone()))
    changed = x.clone()
    changed[31, 1] += 1e-6
    assert content_of(as_source(changed)) != content_of(as_source(x))
    assert content_of(as_source(Pairs())) == content_of(as_source(Pairs())) != content_of(as_source(Pairs(noise=1.0)))
    assert content_of(as_source(Pairs(noise=1.0)))["content"] == "random"
    disk = np.memmap(tmp_path / "x", np.float32, "w+", shape=(1000, 2))
    assert isinstance(as_source(disk), ArraySource) and content_of(as_source(disk))["samples"] == 1000
