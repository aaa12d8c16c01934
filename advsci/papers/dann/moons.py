"""Two moons with labels, and the same moons turned by 35 degrees without: does the classifier follow?

The paper's toy problem (section 5.1.1): a plain network draws its border for the source; the adversary makes the
features of both domains alike, and the border turns with the target.
"""

import math

import torch
from torch import Tensor, nn

from advsci.games import Adversary, DomainAdversarial, Task
from advsci.nn import MLP
from advsci.papers import step
from advsci.schedules import DannRamp
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import Trainer


def moons(n: int, stream: Stream, degrees: float = 0.0) -> tuple[Tensor, Tensor]:
    """Two interleaved half circles, turned about their centre.

    Parameters
    ----------
    n
        Points, half of them on each moon.
    stream
        Source of the random numbers.
    degrees
        Angle of the turn.

    Returns
    -------
    tuple
        Points (n 2) and the moon of each (n).
    """
    angle = math.pi * stream.at("angle").uniform((n,))
    which = torch.arange(n) % 2
    x = torch.stack([angle.cos(), angle.sin() - 0.25], 1)
    x = torch.where(which[:, None] == 1, torch.tensor([1.0, 0.0]) - x, x) - torch.tensor([0.5, 0.0])
    x = x + 0.05 * stream.at("noise").normal((n, 2))
    turn = math.radians(degrees)
    matrix = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return x @ matrix.T, which


class Moons(Task):
    """Features of both domains, and the label of the source."""

    def __init__(self):
        super().__init__()
        self.encoder = MLP(2, 15, width=32, depth=1, activation=nn.Tanh)
        self.head = nn.Linear(15, 2)

    def draw(self, batch, stream):
        """No random numbers: an evaluation on ``batch`` needs none of ``stream``."""
        return {}

    def forward(self, batch, draw):
        """Features of both domains of ``batch``, and the loss of naming the source's labels; ``draw`` is empty."""
        features = self.encoder(torch.cat([batch["source"], batch["target"]]))
        known = self.head(features[: len(batch["source"])])
        return features, {"label": nn.functional.cross_entropy(known, batch["label"])}


class Domains(Adversary):
    """Reads from the features whether a point is of the source."""

    def __init__(self):
        super().__init__()
        self.network = MLP(15, 1, width=32, depth=1)

    def forward(self, features, batch):
        """Cross entropy of reading from ``features`` which of ``batch`` are of the source."""
        domain = torch.zeros(len(features))
        domain[: len(batch["source"])] = 1.0
        return nn.functional.binary_cross_entropy_with_logits(self.network(features).reshape(-1), domain)


def accuracy(strength: float, seed: int, steps: int) -> float:
    """Of a classifier on fresh points of the target.

    Parameters
    ----------
    strength
        Of the adversary at the end; 0 for none.
    seed
        Root of all random numbers.
    steps
        Training steps.

    Returns
    -------
    float
        In percent.
    """
    stream = Stream(seed)
    (source, label), (target, _) = moons(300, stream.at("source")), moons(300, stream.at("target"), 35.0)
    x, y = moons(1000, stream.at("test"), 35.0)
    with stream.at("networks").seeded():
        game = DomainAdversarial(Moons(), Domains(), DannRamp(strength) if strength else 0.0)
    trainer = Trainer(steps, 300, seed=seed, device="cpu", log_every=steps, quiet=True)
    data = {"source": source, "label": label, "target": target}
    trainer.fit(game, data, Simultaneous(adam(3e-3, (0.9, 0.999))))
    with torch.no_grad():
        return 100.0 * float((game.task.head(game.task.encoder(x)).argmax(1) == y).float().mean())  # type: ignore


def measure(seed: int, effort: str) -> dict[str, float]:
    """Accuracy on the turned moons without and with the adversary.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        "quick" or "full".

    Returns
    -------
    dict
        Values by the cells' names; lists are curves.
    """
    steps = 1500
    plain, adversarial = accuracy(0.0, seed, steps), accuracy(1.0, seed, steps)
    return {"moons/plain": plain, "moons/DANN": adversarial, "moons/gain": adversarial - plain}


if __name__ == "__main__":
    step(measure)
