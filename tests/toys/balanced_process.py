"""Two processes play half a batch each; prints whether every rule leaves them with the same state."""

import sys

import torch
from torch import distributed, nn

from advsci.games import GAN
from advsci.latents import Gaussian
from advsci.objectives import NonSaturating
from advsci.penalties import R1, LeCam
from advsci.solvers import Balanced, Solver, TrustRegion
from advsci.streams import Stream


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=0.5)


def play(solver: Solver, rank: int) -> list[torch.Tensor]:
    torch.manual_seed(0)
    D = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    penalties = (R1(0.1), LeCam(0.1))
    game = GAN(nn.Linear(2, 2), D, Gaussian(2), objective=NonSaturating(), penalties=penalties)
    solver.bind(game)
    for step in range(12):
        count = [0]

        def feed(step=step, count=count):
            stream = Stream(rank).at("feed", step, count[0])
            count[0] += 1
            batch = {"x": 2.0 + stream.at("x").normal((8, 2))}
            return batch, game.draw(batch, stream)

        solver.step(game, feed)
    return list(game.state_dict().values())


if __name__ == "__main__":
    torch.set_num_threads(1)
    rank, store = int(sys.argv[1]), sys.argv[2]
    distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    for solver in (TrustRegion(sgd, radius=0.05), Balanced(sgd, every=3, measurements=2, gain=4.0)):
        for tensor in play(solver, rank):
            both = [torch.empty_like(tensor) for _ in range(2)]
            distributed.all_gather(both, tensor)
            assert torch.equal(*both), type(solver).__name__
    distributed.destroy_process_group()
    print("same")
