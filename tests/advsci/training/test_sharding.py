"""Players in pieces over two processes train, write and resume as whole ones in one process."""

import pytest
import torch
from divided_games import ended
from sharded_games import SHARDED, trained
from torch import nn
from toy_game import sgd
from two_processes import ROOT, two_processes

from advsci.errors import ConfigError
from advsci.games import GAN, VAE
from advsci.latents import Gaussian
from advsci.nn import MLP
from advsci.penalties import R1, JacobianClamping
from advsci.solvers import Alternating, Consensus, Simultaneous
from advsci.training.sharding import BLOCK, check_shard
from advsci.training.sharding import _blocks as blocks


@pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="this torch has no gloo")
def test_two_processes_with_pieces_equal_one_with_the_whole(tmp_path):
    """After a resumption from checkpoints of whole tensors, in float64, to the order of summation."""
    two_processes(ROOT / "tests" / "toys" / "sharded_games.py", str(tmp_path / "two"))
    trained(tmp_path / "one")
    for name in SHARDED:
        one, two = ended(tmp_path / "one" / name), ended(tmp_path / "two" / name)
        assert one.keys() == two.keys()
        assert max(float((two[key] - value).abs().max()) for key, value in one.items()) <= 1e-9, name


def test_what_cannot_be_in_pieces_is_named():
    def check(players, solver=None, **settings):
        game = GAN(MLP(2, 2), MLP(2, 1), Gaussian(2), **{"penalties": (), **settings})
        check_shard(game, solver or Alternating(sgd), players)

    check(("generator", "discriminator"))
    check(("generator",), penalties=(R1(),))
    with pytest.raises(ConfigError, match=r"got shard=\('discriminator',\) with r1, which differentiate"):
        check(("discriminator",), penalties=(R1(),))
    with pytest.raises(ConfigError, match="with clamping"):
        check(("generator",), generator_penalties=(JacobianClamping(),))
    with pytest.raises(ConfigError, match="under Consensus; expected a rule that needs gradients alone"):
        check(("generator",), Consensus(sgd))
    with pytest.raises(ConfigError, match="under compiled Simultaneous"):
        check(("generator",), Simultaneous(sgd, compile=True))
    with pytest.raises(ConfigError, match="expected 'generator' or 'discriminator'"):
        check(("critic",))
    with pytest.raises(ConfigError, match="for a VAE"):
        check_shard(VAE(MLP(2, 2), MLP(1, 2), 1), Alternating(sgd), ("encoder",))


def test_large_networks_are_gathered_block_by_block():
    with torch.device("meta"):
        half = nn.Linear(BLOCK // 2 - 1, 1)
        wide = nn.Sequential(nn.Linear(BLOCK, 2), nn.ReLU())
        network = nn.Module()
        network.layers, network.act = nn.ModuleList([half, wide]), nn.ReLU()
    assert blocks(network) == [half, wide[0], wide]
    assert blocks(half) == []
