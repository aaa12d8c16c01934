"""Training of the generator: warm up on likelihood, play the game, simulate what it makes, refit, play on."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from advsci.diagnostics import Probe
from advsci.physics import Multipliers, PhysicsInformedDiscriminator
from advsci.schedules import Cosine
from advsci.solvers import Alternating
from advsci.streams import Stream
from advsci.training import EMA, Run, Trainer
from advsci_circuits.config import Train
from advsci_circuits.data.real import balanced, batch_of, held_out_oscillators, real_circuits, stratified
from advsci_circuits.game.acceptance import fit_acceptance
from advsci_circuits.game.completion import CompletionGame
from advsci_circuits.game.condition import CONDITIONED, condition_vector, contents_of
from advsci_circuits.game.discriminator import CircuitDiscriminator
from advsci_circuits.game.examples import Examples, find_examples, label
from advsci_circuits.game.feasibility import CircuitPhysics
from advsci_circuits.game.generator import CompletionGenerator
from advsci_circuits.game.missing_edges import LinkGame
from advsci_circuits.game.sample import generate
from advsci_circuits.game.surrogate import RobustnessSurrogate, SurrogateGame, surrogate_batch
from advsci_circuits.graphs.canonical import canonical_keys
from advsci_circuits.graphs.edges import edges_of
from advsci_datasets.circuits import SignedGraphs, split_by_family

__all__ = ["OneSize", "Trained", "train_circuits", "training_data"]

SUCCESS = {"oscillation": 0.04, "tristability": 0.04, "adaptation": 0.02}
"""Share of parameter sets from which a simulated circuit is an example of its function."""
ALLOWED = {"regulators": 0.05, "connection": 0.05, "feedback": 0.05, "function": 1.0}
"""Mean violations that cost nothing."""
FUNCTION_SHARE = 0.4
"""Part of the training data that is asked for a function; the rest is real circuits, unconditional."""


JUDGED = 6000
"""Real circuits, and as many made ones, from which the generator learns which of its own to keep."""
PROBED = 400
"""Real and made circuits of each reading of the verdict."""
PRIOR = 4096
"""Real circuits whose contents the generator remembers."""


def training_data(
    graphs: SignedGraphs, index: np.ndarray, examples: Examples | None, config: Train, rng: np.random.Generator
) -> dict[str, Tensor]:
    """Real circuits, unconditional, and examples of each function, as ``x`` and ``condition``.

    Parameters
    ----------
    graphs
        Real circuits.
    index
        Which of the graphs.
    config
        Settings of the training.
    rng
        Where the draws come from.
    """
    real = balanced(graphs, index, config.draws, rng, config.smallest)
    signs = torch.from_numpy(graphs.signs[real])
    sizes = torch.from_numpy(graphs.sizes[real])
    contents = contents_of(signs, sizes)
    # most circuits tell all of their contents, a fifth none, a fifth each with even odds: any can be left open
    told = np.select([(fate := rng.random((len(contents), 1))) < 0.6, fate < 0.8], [1.0, 0.5], 0.0)
    hidden = rng.random(contents.shape) >= told
    contents[torch.from_numpy(hidden)] = torch.nan
    parts = [(signs, condition_vector(sizes.float(), contents))]
    if examples is not None and len(examples.sizes):
        width = graphs.signs.shape[1]
        padded = torch.nn.functional.pad(examples.signs, (0, width - examples.signs.shape[1]) * 2)
        each = int(config.draws * FUNCTION_SHARE / (1 - FUNCTION_SHARE) / len(CONDITIONED))
        for k, function in enumerate(CONDITIONED):
            good = (examples.shares[:, k] >= SUCCESS[function]).nonzero()[:, 0]
            if len(good):
                # robust examples come more often, none more than sixteen times as often as the least
                weight = examples.shares[good, k].clamp(max=16 * SUCCESS[function]).numpy()
                pick = good[torch.from_numpy(rng.choice(len(good), each, p=weight / weight.sum()))]
                contents = contents_of(padded[pick], examples.sizes[pick])
                contents[torch.from_numpy(rng.random(contents.shape) < 0.8)] = torch.nan
                parts.append((padded[pick], condition_vector(examples.sizes[pick].float(), contents, function)))
    return {
        "x": edges_of(torch.cat([signs for signs, _ in parts])),
        "condition": torch.cat([condition for _, condition in parts]),
    }


class OneSize:
    """Training data whose batches hold circuits of one size, without padding: the first index chooses the size."""

    def __init__(self, data: dict[str, Tensor]):
        self.sizes = data["condition"][:, 0].long()
        self.rows = {n: (self.sizes == n).nonzero()[:, 0] for n in self.sizes.unique().tolist()}
        self.data = data

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, indices: Tensor) -> dict[str, Tensor]:
        n = int(self.sizes[indices[0]])
        rows = self.rows[n][indices % len(self.rows[n])]
        return {"x": self.data["x"][rows, :n, :n], "condition": self.data["condition"][rows]}


def _of_one_size(data: OneSize) -> dict[str, Tensor]:
    """Circuits of the commonest size: what a probe can compare without padding."""
    size = max(data.rows, key=lambda n: len(data.rows[n]))
    rows = data.rows[size]
    return {"x": data.data["x"][rows, :size, :size], "condition": data.data["condition"][rows]}


def _unseen(graphs: SignedGraphs, test: np.ndarray, size: int, stream: Stream) -> dict[str, Tensor] | None:
    """Circuits of one size of families that are not trained on, for the probe; None where there are none."""
    able = test[graphs.sizes[test] == size]
    if not len(able):
        return None
    batch = batch_of(graphs.take(balanced(graphs, able, PROBED, stream.numpy(), size)))
    signs = batch.signs[:, :size, :size]
    return {"x": edges_of(signs), "condition": condition_vector(batch.sizes.float(), contents_of(signs, batch.sizes))}


def _adam(rate: float, betas: tuple[float, float] = (0.9, 0.99)):
    return lambda parameters: torch.optim.Adam(parameters, lr=rate, betas=betas)


def _fit_surrogate(surrogate: RobustnessSurrogate, examples: Examples, config: Train, turn: int, folder: Run) -> None:
    surrogate.requires_grad_(True)
    trainer = Trainer(
        steps=config.surrogate_steps, batch_size=128, seed=config.seed + turn, device=config.device, log_every=100,
        run=folder.stage(f"surrogate{turn}"), title=f"surrogate {turn + 1}",
    )  # fmt: skip
    data = surrogate_batch(examples.signs, examples.sizes, examples.shares)
    trainer.fit(SurrogateGame(surrogate), data, Alternating(_adam(2e-3), Cosine(1.0, 0.05)))
    surrogate.requires_grad_(False)


def _agreement(surrogate: RobustnessSurrogate, fresh: Examples) -> float:
    """Rank correlation of guessed and simulated shares on circuits new to the surrogate, mean over functions."""
    batch = surrogate_batch(fresh.signs, fresh.sizes, fresh.shares)
    device = next(surrogate.parameters()).device
    with torch.no_grad():
        guess = surrogate.pessimistic(batch["x"].to(device), batch["condition"].to(device)).cpu().numpy()
    values = []
    for k in range(len(CONDITIONED)):
        truth = fresh.shares[:, k].numpy()
        if np.ptp(truth) > 0 and np.ptp(guess[:, k]) > 0:
            ranks = np.stack([np.argsort(np.argsort(v)) for v in (truth, guess[:, k])])
            values.append(float(np.corrcoef(ranks).ravel()[1]))
    return float(np.mean(values)) if values else 0.0


def _fresh_examples(generator: CompletionGenerator, config: Train, stream: Stream, held: set[bytes]) -> Examples:
    """What the generator makes when asked for each function, simulated."""
    found = None
    for k, function in enumerate(CONDITIONED):
        sizes = 3 + stream.at("sizes", k).integers(min(config.largest, 5) - 2, (max(config.examples // 8, 8),))
        batch = generate(generator, sizes, stream.at("generate", k), function=function, temperature=1.2)
        keys = canonical_keys(batch)
        first = {key: i for i, key in reversed(list(enumerate(keys)))}
        index = torch.tensor(sorted(i for key, i in first.items() if key not in held), dtype=torch.long)
        for n in sizes[index].unique():
            some = index[sizes[index] == n]
            signs = batch.signs[some][:, :n, :n]
            fresh = Examples(signs, sizes[some], label(signs, stream.at("label", k, int(n)), config.sets))
            found = fresh if found is None else found + fresh
    assert found is not None
    return found


def _learn_to_accept(
    generator: CompletionGenerator, graphs: SignedGraphs, train: np.ndarray, config: Train, stream: Stream
) -> None:
    """Give the generator an acceptance, from real circuits of the training families and its own."""
    generator.acceptance = None
    count = min(JUDGED, config.draws)
    index = stratified(graphs, train, count, stream.at("real").numpy(), config.smallest)
    real = batch_of(graphs.take(index))
    made = generate(generator, real.sizes, stream.at("made"), rounds=8, half=True)
    generator.acceptance = fit_acceptance(real, made).to(next(generator.parameters()).device)


def _learn_links(
    generator: CompletionGenerator,
    graphs: SignedGraphs,
    train: np.ndarray,
    config: Train,
    stream: Stream,
    folder: Run,
) -> None:
    """Give the generator a link predictor, from real circuits of the training families."""
    index = balanced(graphs, train, config.draws, stream.at("draws").numpy(), config.smallest)
    signs, sizes = torch.from_numpy(graphs.signs[index]), torch.from_numpy(graphs.sizes[index])
    data = OneSize({"x": edges_of(signs), "condition": condition_vector(sizes.float())})
    with stream.at("network").seeded():
        network = CompletionGenerator(config.width, config.blocks, noise=0)
    solver = Alternating(lambda p: torch.optim.AdamW(p, lr=config.rate, weight_decay=0.1), Cosine(1.0, 0.05))
    trainer = Trainer(
        steps=config.links, batch_size=config.batch, seed=config.seed, device=config.device, log_every=100,
        ema=EMA(0.998, ("links",)), run=folder.stage("links"), title="link predictor",
    )  # fmt: skip
    averaged = trainer.fit(LinkGame(network), data, solver).averaged("links")
    assert isinstance(averaged, CompletionGenerator)
    generator.link_predictor = averaged


@dataclass(frozen=True)
class Trained:
    """What a training leaves: the generator, the circuits it simulated, and facts for the model's card."""

    generator: CompletionGenerator
    examples: Examples | None
    facts: dict[str, Any]


def train_circuits(config: Train, folder: Run) -> Trained:
    """Train the generator, stage by stage; a stage that has finished in ``folder`` is not trained again.

    Parameters
    ----------
    config
        Settings of the command.
    folder
        The run: every stage has a folder of its own in it.

    Returns
    -------
    Trained
        The averaged generator with its acceptance and link predictor, the circuits judged, and the facts of the run.
    """
    stream = Stream(config.seed).at("circuits")
    graphs = real_circuits(config.data, config.smallest, config.largest)
    train, test = split_by_family(graphs, (1 - config.held_out, config.held_out), config.seed)
    held = held_out_oscillators() if config.hold_out and config.data == "library" else set()
    examples = _first_examples(config, stream, held)

    with stream.at("networks").seeded():
        generator = CompletionGenerator(config.width, config.blocks, known=PRIOR)
        surrogate = RobustnessSurrogate(32)
        physics = CircuitPhysics(surrogate if examples is not None else None)
        critic = CircuitDiscriminator(32, 2, findings=len(physics.names))
    prior = batch_of(graphs.take(stratified(graphs, train, PRIOR, stream.at("prior").numpy(), config.smallest)))
    generator.prior.copy_(torch.cat([prior.sizes[:, None], contents_of(prior.signs, prior.sizes)], 1))
    judge = PhysicsInformedDiscriminator(critic, physics, (config.largest, config.largest, 2))
    multipliers = Multipliers(physics.names, rho=0.1, allowed=ALLOWED)
    facts: dict[str, Any] = {
        "settings": config.model_dump(mode="json", exclude={"out", "overwrite", "device"}),
        "real circuits": len(train),
        "families": len({family for i in train for family in graphs.families[i]}),
        "curated": True,
        "rounds": [],
    }

    data = OneSize(training_data(graphs, train, examples, config, stream.at("draws").numpy()))
    common: dict[str, Any] = {"batch_size": config.batch, "device": config.device, "log_every": 100}
    warm = Trainer(
        steps=config.warmup, seed=config.seed, ema=EMA(0.998), run=folder.stage("warmup"), title="warm-up", **common
    ).fit(CompletionGame(generator, judge, adversarial=0.0), data, Alternating(_adam(config.rate), Cosine(1.0, 0.1)))
    generator.load_state_dict(warm.averaged("generator").state_dict())

    # a short game has curves too
    often: dict[str, Any] = {**common, "log_every": min(max(config.steps // 5, 1), 100)}
    for turn in range(config.rounds if config.steps else 0):
        if examples is not None:
            _fit_surrogate(surrogate, examples, config, turn, folder)
        game = CompletionGame(generator, judge, multipliers, adversarial=config.adversarial)
        seen = _of_one_size(data)
        unseen = _unseen(graphs, test, seen["x"].shape[1], stream.at("unseen"))
        probe = Probe(seen, held_out=unseen, samples=min(PROBED, config.draws // 4), spectrum_every=0, jacobians=0)
        played = Trainer(
            steps=config.steps, seed=config.seed + 1 + turn, ema=EMA(0.998), run=folder.stage(f"round{turn}"),
            title=f"game, round {turn + 1}", callbacks=[probe],
            **often,
        ).fit(game, data, Alternating(_movers(config), Cosine(1.0, 0.2)))  # fmt: skip
        generator.load_state_dict(played.averaged("generator").state_dict())
        if examples is not None:
            fresh = _fresh_examples(generator, config, stream.at("fresh", turn), held)
            # the guard: a surrogate that fresh simulations do not bear out loses its say
            physics.trust = max(0.0, _agreement(surrogate, fresh))
            good = [float((fresh.shares[:, k] > 0.01).double().mean()) for k in range(len(CONDITIONED))]
            facts["rounds"].append({"agreement": physics.trust, "success": dict(zip(CONDITIONED, good, strict=True))})
            examples = examples + fresh
            data = OneSize(training_data(graphs, train, examples, config, stream.at("draws", turn + 1).numpy()))
    _learn_to_accept(generator, graphs, train, config, stream.at("acceptance"))
    if config.links:
        _learn_links(generator, graphs, train, config, stream.at("links"), folder)
    return Trained(generator, examples, facts)


def _first_examples(config: Train, stream: Stream, held: set[bytes]) -> Examples | None:
    """Simulated circuits of three to five genes, those of the held-out keys excepted."""
    examples: Examples | None = None
    for size in range(3, min(config.largest, 5) + 1) if config.examples else ():
        found = find_examples(
            size, config.examples, stream.at("examples", size), sets=config.sets, forbidden=held.__contains__
        )
        examples = found if examples is None else examples + found
    return examples


def _movers(config: Train) -> dict[str, Any]:
    """The generator comes warm and moves slowly; the critic starts cold and may run ahead."""
    slow, critical = _adam(config.rate / 20, (0.0, 0.99)), _adam(config.rate / 5, (0.0, 0.99))
    return {"discriminator": critical, "generator": slow, "multipliers": lambda p: torch.optim.SGD(p, lr=0.1)}
