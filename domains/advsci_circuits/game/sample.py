"""Drawing circuits from a generator: in rounds, from nothing or around what a user fixed."""

import copy
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
from jaxtyping import Bool, Float, Int8
from torch import Tensor

from advsci.streams import Stream
from advsci_circuits.game.condition import condition_vector, genes_mask
from advsci_circuits.game.generator import CompletionGenerator
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.graphs.edges import edges_of, signs_of
from advsci_circuits.graphs.validity import is_valid

__all__ = ["generate", "likely_contents", "sample"]


@torch.no_grad()
def sample(
    generator: CompletionGenerator,
    condition: Float[Tensor, "b c"],
    width: int,
    stream: Stream,
    *,
    fixed: Int8[Tensor, "b n n"] | None = None,
    known: Bool[Tensor, "b n n"] | None = None,
    rounds: int = 8,
    temperature: float = 1.0,
) -> CircuitBatch:
    """One circuit a condition.

    Every round the generator proposes all open edges and a random share of them is kept, so that later edges see
    earlier ones.

    Parameters
    ----------
    fixed, known : tensors, shape [b, n, n], optional
        A partial circuit: signs, and which entries (also absent edges) must stay.
    rounds : int
        More rounds, finer dependence between edges; one round is a single pass, at most one a pair is taken.
    temperature : float
        Below one: likelier circuits; above: more diverse.
    width
        Genes that fit; the largest size where left out.
    stream
        Where the draws come from.
    """
    b = len(condition)
    mask = genes_mask(condition, width)
    pair = mask[:, :, None] & mask[:, None, :]
    unknown = pair & ~known if known is not None else pair.clone()
    edges = edges_of(fixed) if fixed is not None else torch.zeros(b, width, width, 2)
    edges = edges.to(condition) * (~unknown & pair)[..., None]
    order = stream.at("order").uniform((b, width, width), device=condition.device)
    # ranks in [0, 1): the k-th round keeps the next share of the open pairs of each circuit
    flat = torch.where(unknown, order, 2.0).flatten(1)
    rank = flat.argsort(1).argsort(1).view_as(order)
    count = unknown.sum((1, 2))[:, None, None]
    rounds = min(rounds, max(int(count.amax()), 1))  # one pair a round is the finest
    for k in range(rounds):
        z = stream.at("noise", k).normal((b, width, generator.noise), device=condition.device)
        logits = generator(edges, unknown, z, condition) / temperature
        uniform = stream.at("edges", k).uniform((b, width, width, 3), device=condition.device)
        gumbel = -torch.log(-torch.log(uniform.clamp(1e-9, 1 - 1e-7)))
        choice = (logits + gumbel).argmax(-1)
        now = unknown & (rank * rounds < (k + 1) * count)
        drawn = torch.stack([choice == 1, choice == 2], -1).to(edges.dtype)
        edges = torch.where(now[..., None], drawn, edges)
        unknown = unknown & ~now
    return CircuitBatch(signs_of(edges), condition[:, 0].long())


def likely_contents(generator: CompletionGenerator, sizes: Tensor, stream: Stream) -> Float[Tensor, "b k"]:
    """Contents of real circuits of those sizes, drawn from the generator's prior; NaN where it has none of a size.

    Parameters
    ----------
    stream
        Where the draws come from.
    """
    prior = generator.prior.cpu()
    contents = torch.full((len(sizes), prior.shape[1] - 1), torch.nan)
    for n in sizes.unique().tolist():
        rows, known = (sizes == n).nonzero()[:, 0], prior[prior[:, 0] == n, 1:]
        if len(known):
            # evenly spaced over the prior, which is ordered by family: every family in its share, not by luck
            start = stream.at("size", n).uniform((1,), dtype=torch.float64)
            place = (torch.arange(len(rows)) + start) * len(known) / len(rows)
            contents[rows] = known[place.long()][stream.at("order", n).permutation(len(rows))]
    return contents


def generate(
    generator: CompletionGenerator,
    sizes: Tensor,
    stream: Stream,
    *,
    function: str | None = None,
    contents: Tensor | None = None,
    width: int | None = None,
    rounds: int = 8,
    temperature: float = 1.0,
    valid: bool = True,
    tries: int = 16,
    chunk: int = 125,
    half: bool = False,
) -> CircuitBatch:
    """Circuits of given sizes; those that are not valid are drawn again, up to ``tries`` times.

    Where neither function nor contents are asked for, so are those that the generator's ``acceptance`` does not keep.

    Parameters
    ----------
    contents : Tensor, shape [b, contents], optional
        What to ask of each (NaN: free); left out and without a function, `likely_contents` draws them.
    valid : bool
        If False, circuits stay as drawn: neither invalid ones nor those that are not kept are drawn again.
    chunk : int
        Circuits drawn at once; as many chunks at a time as torch has threads.
    half : bool
        The network in bfloat16, with logits good to two digits: faster where the processor knows it.
    stream
        Where the draws come from.
    width
        Genes that fit; the largest size where left out.
    rounds
        Rounds of sampling; more are finer.
    temperature
        Below one: likelier circuits; above: more diverse.

    Examples
    --------
    >>> import torch
    >>> from advsci import Stream
    >>> from advsci_circuits import generate
    >>> from advsci_circuits.store import load_generator
    >>> generator, card = load_generator()
    >>> generate(generator, torch.tensor([3, 4]), Stream(0)).signs.shape
    torch.Size([2, 4, 4])
    """
    width = width or int(sizes.max())
    device = next(generator.parameters()).device
    judge = generator.acceptance if contents is None and function is None else None
    if contents is None and function is None:
        contents = likely_contents(generator, sizes, stream.at("contents"))
    network = copy.deepcopy(generator).bfloat16() if half else generator
    signs = torch.zeros(len(sizes), width, width, dtype=torch.int8)
    open_rows = torch.arange(len(sizes))

    def draw(rows: Tensor, key: Stream) -> None:
        """Sample the circuits ``rows``, all of one size, with the randomness of ``key``."""
        asked = contents[rows] if contents is not None else None
        condition = condition_vector(sizes[rows].float(), asked, function).to(device)
        n = int(sizes[rows[0]])
        drawn = sample(network, condition, n, key, rounds=rounds, temperature=temperature)
        signs[rows, :n, :n] = drawn.signs.cpu()

    for attempt in range(tries if valid else 1):
        # circuits of one size together: no work on padding
        parts = [r for n in sizes[open_rows].unique() for r in open_rows[sizes[open_rows] == n].split(chunk)]
        keys = [stream.at("attempt", attempt).at("rows", int(rows[0])) for rows in parts]
        _in_threads(draw, parts, keys)
        if not valid:
            break
        drawn = CircuitBatch(signs, sizes)[open_rows]
        fine = is_valid(drawn)
        if judge is not None:
            fine &= judge.accepts(drawn, stream.at("keep", attempt))
        open_rows = open_rows[~fine]
        if not len(open_rows):
            break
    return CircuitBatch(signs, sizes)


def _in_threads(work: Callable[..., None], *arguments: Sequence) -> None:
    """``work`` on each of the arguments: pairs of small circuits are too little for torch to share among threads."""
    threads = torch.get_num_threads()
    if threads == 1 or len(arguments[0]) == 1:
        for each in zip(*arguments, strict=True):
            work(*each)
        return
    try:
        with ThreadPoolExecutor(threads, initializer=partial(torch.set_num_threads, 1)) as pool:
            list(pool.map(work, *arguments))
    finally:
        torch.set_num_threads(threads)
