"""The arms of the posterior benchmark: the game, and the same training with its adversary off."""

import time
from collections.abc import Callable

import torch
from _posterior_task import Measured, Sample, Task, judged, report

from advsci.schedules import Cosine
from advsci.solvers import Simultaneous, adam
from advsci.streams import Stream
from advsci.training import EMA, Trainer
from advsci_inverse.game.posterior import PosteriorGAN, SpreadControl, started
from advsci_inverse.priors.sampler import Consistency, PairDiscriminator, PosteriorSampler
from advsci_inverse.uncertainty import posterior_samples, trust_in_point

__all__ = ["arm_rows", "trained"]


def trained(task: Task, adversary: float, seed: int) -> tuple[Sample, dict[str, float]]:
    """A sampler of one arm and seed, and what was logged at the end of its training."""
    budget, shape = task.budget, task.operator.image_shape
    consistency = Consistency.of(task.operator, task.sigma, task.level)
    with Stream(seed).at("networks").seeded():
        sampler = PosteriorSampler(0.3 * task.level, widths=budget.widths, blocks=budget.blocks)
        judge = PairDiscriminator((shape[0], shape[1]), budget.critic)
    game = PosteriorGAN(sampler, judge, [consistency], adversarial=adversary, bounds=(0.0, 1.0))
    data = {name: started(s.x, s.y, s.start, consistency) for name, s in task.sets.items()}
    control = SpreadControl(game, {k: v[:96] for k, v in data["validation"].items()}, limits=(0.25, 2.0))
    trainer = Trainer(
        steps=budget.steps,
        batch_size=budget.batch,
        seed=seed,
        device="cpu",
        ema=EMA(0.99, of=("generator",)),
        log_every=max(1, budget.steps // 8),
        callbacks=[control],
        quiet=True,
    )
    begin = time.process_time()
    training = trainer.fit(game, data["train"], Simultaneous(adam(4e-4, betas=(0.0, 0.99)), Cosine(1.0, 0.05)))
    net = training.averaged("generator")
    last = {k: float(v) for k, v in training.log[-1].items() if k.startswith("spread/")}
    last["seconds"] = time.process_time() - begin

    def sample(s: Measured, count: int, trust: float | None = None) -> torch.Tensor:
        trust = last["trust"] if trust is None else trust
        stream = Stream(seed).at("test")
        return posterior_samples(net, s.start, consistency.back(s.y), consistency, count, stream, trust)

    spare = task.sets["validation"]
    last["trust"] = trust_in_point(sample(spare, 16, 0.0), spare.start.point, spare.x)
    return sample, last


def arm_rows(task: Task, name: str, adversary: float, after: Callable[[Sample, Task], None] | None = None) -> None:
    """The rows of one arm over all seeds; ``after`` is called with the last seed's sampler."""
    scores, seconds, sample = [], [], None
    for seed in range(task.budget.seeds):
        sample, last = trained(task, adversary, seed)
        scores.append(judged(sample, task))
        seconds.append(last["seconds"])
        print(f"# {task.name}, {name}, seed {seed}: {scores[-1]} {last}", flush=True)
    report(task, name, scores, f"{sum(seconds) / len(seconds):.0f} CPU s of training, {task.budget.steps} steps")
    if after is not None and sample is not None:
        after(sample, task)
