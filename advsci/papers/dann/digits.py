"""Digits on plain ground to digits on coloured ground: a classifier whose features hide the domain.

The target blends each digit with a random smooth texture, |texture - digit| in every channel, as MNIST-M does with
photographs. Source labels are known, target labels are not; "target" trains on the target's labels and bounds what
can be reached.
"""

import torch
from torch import Tensor, nn

from advsci.games import Adversary, DomainAdversarial, Task
from advsci.nn import MLP
from advsci.papers import step
from advsci.schedules import DannRamp
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import Trainer
from advsci_datasets import load_images


def textures(count: int, stream: Stream) -> Tensor:
    """Smooth colours (n 3 28 28) in [0, 0.6]: waves of random direction, length and phase, and coarse noise.

    Parameters
    ----------
    count
        Number n.
    stream
        Source of the random numbers.

    Returns
    -------
    Tensor
        (n 3 28 28).
    """
    u = stream.at("waves").uniform((count, 3, 4, 1, 1))
    line = torch.linspace(0.0, 6.3, 28)
    phase = 4.0 * (u[:, :, 0] - 0.5) * line[:, None] + 4.0 * (u[:, :, 1] - 0.5) * line + 6.3 * u[:, :, 2]
    coarse = stream.at("noise").uniform((count, 3, 5, 5))
    patches = nn.functional.interpolate(coarse, size=28, mode="bilinear", align_corners=True)
    return 0.25 * (0.5 + 0.5 * phase.sin()) * u[:, :, 3] + 0.35 * patches


class Classifier(Task):
    """Convolutional features and digits; only the rows of known label enter the loss."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            *(nn.Conv2d(3, 24, 5, 2, 2), nn.ReLU(), nn.Conv2d(24, 48, 5, 2, 2), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(48 * 49, 64), nn.ReLU()),
        )
        self.head = nn.Linear(64, 10)

    def draw(self, batch, stream):
        """No random numbers: an evaluation on ``batch`` needs none of ``stream``."""
        return {}

    def forward(self, batch, draw):
        """Features of both domains of ``batch``, and the loss of naming the source's digits; ``draw`` is empty."""
        features = self.encoder(torch.cat([batch["source"], batch["target"]]))
        known = features[: len(batch["source"])]
        return features, {"digits": nn.functional.cross_entropy(self.head(known), batch["label"])}


class Domains(Adversary):
    """Reads from the features whether an image is of the source or of the target."""

    def __init__(self):
        super().__init__()
        self.network = MLP(64, 1, width=64, depth=1)

    def forward(self, features, batch):
        """Cross entropy of reading from ``features`` which of ``batch`` are of the source."""
        domain = torch.zeros(len(features))
        domain[: len(batch["source"])] = 1.0
        return nn.functional.binary_cross_entropy_with_logits(self.network(features).reshape(-1), domain)


def accuracy(data: dict[str, Tensor], x: Tensor, y: Tensor, strength: float, seed: int, steps: int) -> float:
    """Of a classifier that was trained against an adversary, on the target's test digits [%].

    Parameters
    ----------
    data
        ``source``, ``label`` and ``target`` to train on.
    x
        Test images (n 3 28 28).
    y
        Their digits (n).
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
    with Stream(seed).at("networks").seeded():
        task, adversary = Classifier(), Domains()
    game = DomainAdversarial(task, adversary, DannRamp(strength) if strength else 0.0)
    trainer = Trainer(steps, 64, seed=seed, device="cpu", log_every=steps, quiet=True)
    trainer.fit(game, data, Simultaneous(adam(1e-3, (0.9, 0.999))))
    with torch.no_grad():
        return 100.0 * float((task.head(task.encoder(x)).argmax(1) == y).float().mean())


def measure(seed: int, effort: str, steps: int = 0) -> dict[str, float]:
    """Accuracy on the target of source only, adversarial and target training, and the share of the gap closed.

    Parameters
    ----------
    seed
        Root of all random numbers.
    effort
        "quick" or "full".
    steps
        Steps of a training; 0 for those of the form.

    Returns
    -------
    dict
        Values by the cells' names; lists are curves.
    """
    images = load_images("digits" if effort == "quick" else "mnist")
    assert images.train_labels is not None and images.test_labels is not None
    half = len(images.train) // 2
    length = steps or (300 if effort == "quick" else 20_000)
    stream = Stream(seed)
    plain, label = images.train[:half].expand(-1, 3, -1, -1), images.train_labels[:half]
    ground = (textures(half, stream.at("train")) - images.train[half : 2 * half]).abs()
    test = (textures(len(images.test), stream.at("test")) - images.test).abs()
    centre = ground.mean((0, 2, 3), keepdim=True)
    plain, ground, test = plain - plain.mean(), ground - centre, test - centre
    data = {"source": plain, "label": label, "target": ground}
    known = {"source": ground, "label": images.train_labels[half : 2 * half], "target": ground}
    found = {
        "source": accuracy(data, test, images.test_labels, 0.0, seed, length),
        "DANN": accuracy(data, test, images.test_labels, 1.0, seed, length),
        "target": accuracy(known, test, images.test_labels, 0.0, seed, length),
    }
    cells = {f"{name}/accuracy": value for name, value in found.items()}
    cells["gain"] = found["DANN"] - found["source"]
    cells["gap closed"] = 100.0 * cells["gain"] / (found["target"] - found["source"])
    cells["bound"] = found["target"] - found["DANN"]
    return cells


if __name__ == "__main__":
    step(measure)
