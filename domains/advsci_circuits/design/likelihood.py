"""How likely nature is to build a circuit: an autoregressive model of real ones, the same for any names of the genes.

For n genes the n^2 entries are read shell by shell (a gene with all before it, then the next), each given all earlier
ones, by a masked network (MADE, Germain et al. 2015, https://arxiv.org/abs/1502.03509). The order of genes means
nothing, so training renames the genes of every circuit at random, and the likelihood is averaged over renamings r:

``p(x) = (1 / R) sum_r p(r x)``
"""

import itertools
import math

import numpy as np
import torch
from jaxtyping import Float, Int8
from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci.games.game import Batch, Draw, Game, require
from advsci.streams import Stream

__all__ = ["CircuitLikelihood", "LikelihoodGame", "SizeLikelihood", "renamed"]


def renamed(signs: Int8[Tensor, "c n n"], order: Tensor) -> Int8[Tensor, "c n n"]:
    """Each circuit with its genes in another order.

    Parameters
    ----------
    signs
        Sign matrices.
    order : shape [c, n]
        One permutation per circuit.
    """
    rows = torch.arange(len(signs))[:, None, None]
    return signs[rows, order[:, :, None], order[:, None, :]]


class SizeLikelihood(nn.Module):
    """Likelihood of circuits of one size.

    Parameters
    ----------
    genes
        Genes n.
    width
        Units of the two hidden layers.
    renamings
        Renamings averaged over; all where there are no more.
    """

    def __init__(self, genes: int, width: int = 192, renamings: int = 6):
        super().__init__()
        self.genes, self.width = genes, width
        entries = genes * genes
        self.order = sorted(range(entries), key=lambda k: (max(k // genes, k % genes), k // genes, k % genes))
        inputs = np.repeat(np.arange(1, entries + 1), 3)
        hidden = 1 + np.arange(width) % (entries - 1)
        masks = [hidden[:, None] >= inputs, hidden[:, None] >= hidden, inputs[:, None] > hidden]
        self.layers = nn.ModuleList(
            [nn.Linear(3 * entries, width), nn.Linear(width, width), nn.Linear(width, 3 * entries)]
        )
        for k, mask in enumerate(masks):
            self.register_buffer(f"mask{k}", torch.from_numpy(mask.astype(np.float32)), persistent=False)
        every = list(itertools.islice(itertools.permutations(range(genes)), 5040))
        picks = np.random.default_rng(0).permutation(len(every))[:renamings]
        self.renamings = [every[k] for k in picks]

    def logits(self, codes: Tensor) -> Float[Tensor, "c e 3"]:
        """Logits of every entry given the earlier ones.

        Parameters
        ----------
        codes : shape [c, n^2]
            Entries in reading order: 0 repression, 1 none, 2 activation; what has not been read may be anything.
        """
        h = nn.functional.one_hot(codes, 3).to(torch.get_default_dtype()).flatten(1)
        for k, layer in enumerate(self.layers):
            assert isinstance(layer, nn.Linear)
            h = nn.functional.linear(h, layer.weight * getattr(self, f"mask{k}"), layer.bias)
            h = nn.functional.silu(h) if k < 2 else h
        return h.view(len(codes), -1, 3)

    def as_named(self, signs: Int8[Tensor, "c n n"]) -> Float[Tensor, " c"]:
        """Log likelihood of matrices with the genes in the order given.

        Parameters
        ----------
        signs
            Sign matrices.
        """
        codes = signs.flatten(1)[:, self.order].long() + 1
        losses = nn.functional.cross_entropy(self.logits(codes).flatten(0, 1), codes.flatten(), reduction="none")
        return -losses.view(len(signs), -1).sum(1)

    def forward(self, signs: Int8[Tensor, "c n n"]) -> Float[Tensor, " c"]:
        """Log likelihood, averaged over renamings.

        Parameters
        ----------
        signs
            Sign matrices.
        """
        each = torch.stack([self.as_named(signs[:, list(r)][:, :, list(r)]) for r in self.renamings])
        return each.logsumexp(0) - math.log(len(self.renamings))

    @torch.no_grad()
    def sample(self, count: int, stream: Stream) -> Int8[Tensor, "c n n"]:
        """Circuits drawn entry by entry.

        Parameters
        ----------
        count
            How many.
        stream
            Where the draws come from.
        """
        codes = torch.ones(count, self.genes**2, dtype=torch.long)
        uniform = stream.uniform((count, self.genes**2, 3)).clamp(1e-9, 1 - 1e-7)
        for k in range(self.genes**2):
            codes[:, k] = (self.logits(codes)[:, k] - torch.log(-torch.log(uniform[:, k]))).argmax(-1)
        signs = torch.empty_like(codes)
        signs[:, self.order] = codes - 1
        return signs.to(torch.int8).view(count, self.genes, self.genes)


class CircuitLikelihood(nn.Module):
    """Likelihoods for several sizes.

    Parameters
    ----------
    sizes
        Numbers of genes.
    width
        Units of the hidden layers of each.
    """

    def __init__(self, sizes: tuple[int, ...] = (2, 3, 4, 5, 6), width: int = 192):
        super().__init__()
        self.sizes, self.width = tuple(sizes), width
        self.each = nn.ModuleDict({str(n): SizeLikelihood(n, width) for n in sizes})

    def of(self, genes: int) -> SizeLikelihood:
        """The likelihood of one size.

        Parameters
        ----------
        genes
            Number of genes.

        Raises
        ------
        ShapeError
            On a size that was not trained.
        """
        if genes not in self.sizes:
            raise ShapeError(
                f"got circuits of {genes} genes; expected one of {', '.join(map(str, self.sizes))}, which the "
                "likelihood "
                "was trained on. Try: fewer genes."
            )
        found = self.each[str(genes)]
        assert isinstance(found, SizeLikelihood)
        return found


class LikelihoodGame(Game):
    """One player, ``likelihood``: minus the mean log likelihood of circuits of one size, renamed at random.

    Parameters
    ----------
    likelihood
        What is trained. A batch holds ``"signs"`` [b, n, n].
    """

    def __init__(self, likelihood: SizeLikelihood):
        super().__init__()
        self.likelihood = likelihood

    @property
    def players(self) -> dict[str, nn.Module]:
        return {"likelihood": self.likelihood}

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """An order of the genes of every circuit of ``batch``, from ``stream``."""
        signs = require(batch, "signs", "LikelihoodGame")
        return {"order": stream.at("order").uniform(tuple(signs.shape[:2]), device=signs.device).argsort(1)}

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Negative log-likelihood of ``batch``, its genes in the order of ``draw``; there is one ``player``."""
        return {"surprise": -self.likelihood.as_named(renamed(batch["signs"], draw["order"])).mean()}

    def check(self, batch: Batch, draw: Draw) -> None:
        """Raise a named error where ``batch``, ``draw`` and the networks do not fit."""
        with torch.no_grad():
            self.terms("likelihood", batch, draw)
