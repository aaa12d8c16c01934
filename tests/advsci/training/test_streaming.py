"""Streams and shards read by workers: their order is a function of the batch's number alone."""

import gc
import io
import tarfile
import weakref

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, IterableDataset, get_worker_info
from toy_game import toy_data, toy_game, toy_solver, toy_trainer

from advsci.errors import DataError
from advsci.streams import Stream
from advsci.training import ItemSource, TarShards
from advsci.training.data import StreamSource, as_source, content_of
from advsci.training.reading import reader


class Rows(IterableDataset):
    """Rows one after another; with ``divides`` each worker has those that are its own."""

    def __init__(self, rows, divides=False):
        self.rows, self.divides = rows, divides

    def __iter__(self):
        worker = get_worker_info() if self.divides else None
        return iter(self.rows[worker.id :: worker.num_workers] if worker else self.rows)


def read(source, numbers, rank=0) -> list[list]:
    """The batches of these numbers: 6 samples over all processes, 3 of them of this one."""
    read = reader(source, Stream(0), 6, 3)
    return [read(6 * number + 3 * rank, 3)["x"].tolist() for number in numbers]


@pytest.mark.parametrize("rank", [0, 1])
def test_the_order_of_a_stream_is_the_same_for_any_number_of_workers(rank):
    rows = torch.arange(40)
    alone = read(StreamSource(Rows(rows)), range(9), rank)
    assert alone[:2] == [[3 * rank, 3 * rank + 1, 3 * rank + 2], [6 + 3 * rank, 7 + 3 * rank, 8 + 3 * rank]]
    for workers in (1, 4):
        assert read(StreamSource(Rows(rows), workers=workers), range(9), rank) == alone
        # from the middle of an epoch on, and where a solver draws less than it might
        assert read(StreamSource(Rows(rows), workers=workers), [5, 6, 8], rank) == [alone[i] for i in (5, 6, 8)]


def test_a_stream_that_divides_itself_goes_on_where_it_was():
    rows = torch.arange(40)
    loader = DataLoader(Rows(rows, divides=True), num_workers=3)
    source = as_source(loader)
    assert isinstance(source, StreamSource) and source.split
    whole = read(source, range(7))
    assert whole[:4] == [[0, 3, 6], [1, 4, 7], [2, 5, 8], [18, 21, 24]]
    assert read(as_source(loader), [4, 5, 6]) == whole[4:]
    assert content_of(source)["workers"] == 3


def test_what_workers_would_do_in_silence_is_refused():
    rows = torch.arange(40)
    with pytest.raises(DataError, match="got the same samples from two workers"):
        read(as_source(DataLoader(Rows(rows), num_workers=2)), [0])
    with pytest.raises(DataError, match="got other samples from a stream in a worker process"):
        read(StreamSource(Rows(rows, divides=True), workers=2), [0])


def test_workers_end_when_nobody_reads():
    """Left to the collector of circles, they might be collected in the next reader's workers, which are no parents."""
    gc.collect()
    gc.disable()
    try:
        for source in (ItemSource(list(toy_data(20)), workers=1), StreamSource(Rows(toy_data(20)), workers=1)):
            ahead = reader(source, Stream(0), 4, 4)
            ahead(0, 4)
            batches = weakref.ref(ahead.batches)
            del ahead
            assert batches() is None
    finally:
        gc.enable()


def add(shard: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    shard.addfile(info, io.BytesIO(content))


def write_rows(folder, rows, shards: int = 3) -> None:
    """Rows as npy files in tar shards."""
    for number in range(shards):
        with tarfile.open(folder / f"{number:03d}.tar", "w") as shard:
            for i in range(number, len(rows), shards):
                file = io.BytesIO()
                np.save(file, rows[i].numpy())
                add(shard, f"rows/{i:05d}.npy", file.getvalue())


@pytest.mark.parametrize("workers", [0, 4])
@pytest.mark.parametrize("kind", ["stream", "shards"])
def test_a_training_resumes_in_the_middle_of_an_epoch(tmp_path, kind, workers):
    x = toy_data(100)
    write_rows(tmp_path, x)

    def source():
        if kind == "stream":
            return StreamSource(Rows(x), workers=workers)
        return ItemSource(TarShards(tmp_path), workers=workers)

    def trained(folder, *callbacks) -> dict:
        settings = {"batch_size": 12, "checkpoint_every": 4, "log_every": 5, "callbacks": callbacks}
        game = toy_game()
        toy_trainer(folder, 8, **settings).fit(game, source(), toy_solver())
        return game.state_dict()

    def stopped(training):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "cut", stopped)  # after 5 steps, the 4 of the checkpoint have had 96 of 100 samples
    torch.testing.assert_close(trained(tmp_path / "cut"), trained(tmp_path / "whole"), rtol=0, atol=0)


def test_shards_hold_images_classes_and_what_the_user_decodes(tmp_path):
    picture = io.BytesIO()
    Image.new("RGB", (3, 2), "white").save(picture, "PNG")
    with tarfile.open(tmp_path / "a.tar", "w") as shard:
        for i in range(4):
            add(shard, f"{i:03d}.png", picture.getvalue())
            add(shard, f"{i:03d}.cls", str(i).encode())
            add(shard, f"{i:03d}.note.txt", b"7")
    source = as_source(tmp_path)
    assert isinstance(source, ItemSource) and isinstance(source.items, TarShards)
    batch = source[torch.tensor([3, 1])]
    assert batch["x"].shape == (2, 3, 2, 3) and bool((batch["x"] == 1).all())
    assert batch["condition"].tolist() == [3, 1]
    noted = TarShards(tmp_path / "a.tar", fields={"x": "note.txt"}, decode={"note.txt": lambda b: torch.tensor(int(b))})
    assert noted[2] == {"x": torch.tensor(7)}


def test_broken_shards_are_named(tmp_path):
    with pytest.raises(DataError, match="got no .tar files"):
        TarShards(tmp_path)
    path = tmp_path / "a.tar"
    path.write_bytes(b"no tar" * 200)
    with pytest.raises(DataError, match="no readable uncompressed tar file"):
        TarShards(path)
    with tarfile.open(path, "w") as shard:
        add(shard, "0.npy", b"no array")
        add(shard, "1.cls", b"1")
    with pytest.raises(DataError, match="got a sample '1' with cls; expected a file for 'x' in each"):
        TarShards(path)
    with tarfile.open(path, "w") as shard:
        add(shard, "0.npy", b"no array")
        add(shard, "1.dat", b"1")
    with pytest.raises(DataError, match="got a sample '1' with dat"):
        TarShards(path)
    with tarfile.open(path, "w") as shard:
        add(shard, "0.npy", b"no array")
    with pytest.raises(DataError, match="cannot be decoded"):
        TarShards(path)[0]
    with pytest.raises(DataError, match=r"got a sample '0' with npy; expected a file for 'x'"):
        TarShards(path, fields={"x": "dat"})
