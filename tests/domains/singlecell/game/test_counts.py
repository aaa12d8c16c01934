"""The game on counts: rows of the table, the contrast, what each switch turns off, and a training."""

from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from advsci.games import DomainAdversarial
from advsci.streams import Stream
from advsci_singlecell.evaluation.scores import correction_scores
from advsci_singlecell.game.adversary import CategoricalAdversary
from advsci_singlecell.game.counts import CountEncoder, Counts, contrast
from advsci_singlecell.game.metric import remeasure
from advsci_singlecell.game.networks import Decoder
from advsci_singlecell.game.table import CountTable
from advsci_singlecell.model.model import Model


def test_rows_of_the_table_are_those_of_the_matrix():
    matrix = np.random.default_rng(0).poisson(0.3, (7, 5)).astype(np.float32)
    rows = torch.tensor([3, 0, 3, 6])
    assert torch.equal(CountTable(sparse.csr_matrix(matrix))[rows], torch.from_numpy(matrix)[rows])


def test_the_contrast_knows_the_own_batch_only():
    z = torch.eye(4)
    batch = torch.tensor([0, 0, 1, 1])
    assert float(contrast(z, z, batch, 0.1)) == pytest.approx(float(np.log1p(np.exp(-10.0))), rel=1e-2)
    alone = contrast(z, z, torch.arange(4), 0.1)
    assert float(alone) == pytest.approx(0.0, abs=1e-6)


def game(**settings: Any) -> tuple[DomainAdversarial, dict[str, torch.Tensor]]:
    matrix = sparse.csr_matrix(np.random.default_rng(0).poisson(2.0, (12, 6)).astype(np.float32))
    task = Counts(
        CountEncoder(6, 3, width=8),
        Decoder(3, 2, 6, width=8),
        components=torch.from_numpy(matrix.toarray()),
        counts=CountTable(matrix),
        batches=2,
        **settings,
    )
    batch = {
        "row": torch.arange(12),
        "batch": torch.arange(12) % 2,
        "neighbours": ((torch.arange(12) + 2) % 12)[:, None],
        "membership": torch.ones(12, 1),
        "weight": torch.ones(12),
        "allowed": torch.ones(12, 2, dtype=torch.bool),
    }
    return DomainAdversarial(task, {"batch": CategoricalAdversary(3, 1, 2)}, 1.0), batch


def test_each_stage_has_a_switch():
    for settings, names in (
        ({}, {"expression", "batch"}),
        ({"explaining": 0.0, "contrast": 0.5}, {"contrast", "batch"}),
        ({"contrast": 0.5}, {"expression", "contrast", "batch"}),
    ):
        played, batch = game(**settings)
        assert set(played.terms("task", batch, played.draw(batch, Stream(0)))) == names


def test_many_batches_are_embedded_and_the_metric_still_finds_the_embedding_of_cells():
    few, many = Decoder(3, 32, 50, width=8), Decoder(3, 300, 50, width=8)
    assert few.code is None and few.offset.weight.shape == (50, 32)
    assert many.offset.weight.shape == (50, 16) and many.code is not None
    z, batch, metric = torch.randn(4, 3), torch.eye(300)[[0, 7, 7, 299]], torch.diag(torch.tensor([2.0, 1.0, 0.5]))
    before, _ = many.expected(z, batch, torch.ones(4))
    remeasure(metric, CountEncoder(6, 3, width=8), many)
    torch.testing.assert_close(many.expected(z @ metric, batch, torch.ones(4))[0], before)


def test_an_adversary_sees_the_features_that_the_task_gives():
    played, batch = game()
    draw = played.draw(batch, Stream(0))
    assert torch.equal(played.task.features(batch, draw), played.task(batch, draw)[0])


def test_sharpening_explains_the_neighbour():
    played, batch = game(sharpening=1.0, noise=0.0)
    own, _ = game(sharpening=0.0, noise=0.0)
    own.load_state_dict(played.state_dict())
    own.task.counts = CountTable(sparse.csr_matrix(played.task.counts[batch["neighbours"][:, 0]].numpy()))
    found, expected = (g.terms("task", batch, g.draw(batch, Stream(0)))["expression"] for g in (played, own))
    torch.testing.assert_close(found, expected)


def test_the_adversary_mixes_what_is_apart_and_is_reproducible(simulated):
    scores = {}
    for kind in ("conditional", "none"):
        cells = simulated.copy()
        Model.setup_anndata(cells, batch_key="batch")
        model = Model(cells, method="counts", adversary=kind, steps=150, width=64, device="cpu").train()
        z = model.get_latent_representation()
        scores[kind] = correction_scores(z, cells.obs.batch, cells.obs.cell_type)["mixing where due"]
    assert scores["conditional"] > scores["none"] + 0.1


def test_the_likelihood_reaches_the_embedding_and_the_disk_keeps_it(simulated, tmp_path):
    embeddings = []
    for likelihood in ("nb", "zinb", "nb"):
        cells = simulated.copy()
        Model.setup_anndata(cells, batch_key="batch", labels_key="cell_type")
        model = Model(cells, method="counts", likelihood=likelihood, steps=3, width=16, device="cpu").train()
        embeddings.append(model.get_latent_representation())
    assert not np.array_equal(embeddings[0], embeddings[1]) and np.array_equal(embeddings[0], embeddings[2])
    model.save(tmp_path / "m")
    again = Model.load(tmp_path / "m", simulated.copy())
    assert np.array_equal(again.get_latent_representation(), embeddings[2])
    assert (again.predict() == model.predict()).all()
    query = simulated[:50].copy()
    query.obs["batch"] = "new"
    mapped = model.map_query(query).embedding
    assert mapped.shape == embeddings[2][:50].shape
    np.testing.assert_allclose(mapped[:, :24], embeddings[2][:50, :24], atol=1e-4)


def test_the_remainder_is_appended_or_not(simulated):
    found = {}
    for weight in (0.0, 0.5):
        cells = simulated.copy()
        Model.setup_anndata(cells, batch_key="batch")
        settings = {"method": "counts", "steps": 3, "width": 16, "remainder": weight}
        found[weight] = Model(cells, **settings, device="cpu").train().get_latent_representation()
    assert found[0.0].shape[1] == 24 and found[0.5].shape[1] == 74
    np.testing.assert_array_equal(found[0.5][:, :24], found[0.0])
