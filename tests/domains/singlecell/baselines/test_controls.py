"""Controls have the fault that they are there for; the curve has a row for every adversary and strength."""

import numpy as np
import pytest

from advsci_singlecell.baselines.controls import CONTROLS, textbook_dann
from advsci_singlecell.baselines.peers import Prepared
from advsci_singlecell.evaluation.curve import strength_curve
from advsci_singlecell.evaluation.pictures import strength_picture
from advsci_singlecell.evaluation.scores import correction_scores
from advsci_singlecell.model.model import Model


@pytest.fixture(scope="module")
def model(simulated):
    cells = simulated.copy()
    Model.setup_anndata(cells, batch_key="batch")
    return Model(cells, steps=10, dimensions=20).train()


@pytest.fixture(scope="module")
def prepared(model):
    return Prepared.of(model.cells, model.fitted()[0], model.adata.obs)


def test_every_control_has_its_fault(model, prepared):
    obs = model.adata.obs
    ours = correction_scores(model.get_latent_representation(), obs.batch, obs.cell_type)
    scores = {name: correction_scores(z(prepared), obs.batch, obs.cell_type) for name, z in CONTROLS.items()}
    assert scores["uncorrected"]["mixing where due"] < ours["mixing where due"] - 0.2
    assert scores["cells shuffled"]["mixing where due"] > 0.9 and scores["cells shuffled"]["purity"] < 0.3
    assert scores["textbook DANN"]["purity of missing types"] < ours["purity of missing types"]


def test_the_textbook_adversary_is_reproducible(prepared):
    once, again = (textbook_dann(prepared, steps=5) for _ in range(2))
    assert (once == again).all() and once.shape == (600, 20)


def test_the_curve_has_a_row_for_every_strength(model):
    obs = model.adata.obs
    curve = strength_curve(model, obs.batch, obs.cell_type, strengths=(0.0, 0.5))
    assert curve.index.tolist() == [(k, s) for k in ("conditional", "marginal") for s in (0.0, 0.5)]
    assert np.isfinite(curve.to_numpy()).all()
    np.testing.assert_allclose(curve.loc[("conditional", 0.0)], curve.loc[("marginal", 0.0)], atol=0.02)
    assert len(strength_picture(curve).axes) == 4
