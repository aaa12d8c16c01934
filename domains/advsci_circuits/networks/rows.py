"""A large network, gene after gene: ``p(x) = prod_k p(row k | genes before k, n, wishes)``.

Genes stand in breadth-first order. Row k holds gene k's own loop and its links to the earlier genes, each one of nine
classes (none, activation or repression, either way). Messages over the partial network give every earlier gene a state;
a recurrent network goes through those in order, so that links of a row know of each other, as in GraphRNN (You et al.
2018, https://arxiv.org/abs/1802.08773), and is told which triangles a link would close (`triads`). Breadth-first order
leaves open only the genes from the row before's first partner on, and each row has a link: every network is connected
by construction.
"""

import torch
from jaxtyping import Bool, Float, Int, Int8
from torch import Tensor, nn

from advsci.nn import MLP
from advsci.streams import Stream
from advsci_circuits.networks.messages import Messages, degrees
from advsci_circuits.networks.triads import TRIADS, triads
from advsci_circuits.networks.wishes import WISHES, contents, left_over

__all__ = ["RowGenerator"]

SCALE = 60
"""Genes of the largest network of a training, for features of about one."""
PLACES = 7
CLASSES = 9
"""3 (what the earlier gene does to gene k) + (what gene k does to the earlier one)."""
SIGNS = (0, 1, -1)


class RowGenerator(nn.Module):
    """Distribution of large networks.

    Parameters
    ----------
    width
        Numbers per gene of the messages.
    layers
        Rounds of messages.
    hidden
        Width of the recurrent network.
    known
        Real networks whose size and contents it remembers, as wishes where the user has none.

    Examples
    --------
    >>> generator = RowGenerator(8, 1, 8).eval()
    >>> sizes, wishes = torch.tensor([14, 13]), torch.full((2, len(WISHES)), 0.5)
    >>> generator.sample(sizes, wishes, Stream(0)).shape
    torch.Size([2, 14, 14])
    """

    prior: Tensor

    def __init__(self, width: int = 56, layers: int = 3, hidden: int = 64, known: int = 0):
        super().__init__()
        self.width, self.layers, self.hidden = width, layers, hidden
        self.register_buffer("prior", torch.zeros(known, 1 + len(WISHES)))
        asked = 2 * len(WISHES)
        self.messages = Messages(6 + PLACES + asked, width, layers)
        whole = 2 * width + 3 + asked
        self.loop = MLP(whole, 3, 32)
        self.start = nn.Linear(whole + 3, hidden)
        self.row = nn.GRU(width + CLASSES + TRIADS, hidden, batch_first=True)
        self.pair = MLP(hidden + width + TRIADS, CLASSES, hidden)

    def encode(
        self, signs: Int8[Tensor, "b m m"], genes: Int[Tensor, " b"], sizes: Int[Tensor, " b"], wishes: Tensor
    ) -> tuple[Float[Tensor, "b m w"], Float[Tensor, "b c"], Bool[Tensor, "b m"]]:
        """States of the genes that are there, of the whole, and which genes the next one may be linked to.

        Parameters
        ----------
        signs
            Partial networks.
        genes
            Genes k that are there.
        sizes
            Genes n of the finished network.
        wishes : shape [b, 8]
            Contents per gene of the finished network.
        """
        dtype, m = wishes.dtype, signs.shape[1]
        place = torch.arange(m, device=signs.device).expand(len(signs), -1)
        there = place < genes[:, None]
        last = (genes - 1).clamp_min(0)
        link = (signs != 0) | (signs != 0).mT
        row = link[torch.arange(len(signs), device=signs.device), last] & (place < last[:, None])
        front = torch.where(row.any(1), row.to(dtype).argmax(1), 0)
        asked = torch.cat([wishes, left_over(wishes, contents(signs, genes), genes, sizes)], 1)
        share = torch.stack([genes, sizes, sizes - genes], 1).to(dtype) / SCALE
        where = torch.stack([place == front[:, None], place > front[:, None]], -1).to(dtype)
        age = torch.stack([(genes[:, None] - place).clamp_min(0).to(dtype).log1p() / 4, place.to(dtype) / SCALE], -1)
        wide = torch.cat([share, asked], 1)[:, None].expand(-1, m, -1)
        h = self.messages(torch.cat([degrees(signs), where, age, wide], -1), signs, there)
        mean = h.sum(1) / genes.clamp_min(1)[:, None]
        most = h.masked_fill(~there[..., None], -torch.inf).amax(1).clamp_min(-3)
        return h, torch.cat([mean, most, share, asked], 1), there & (place >= front[:, None])

    def log_likelihood(
        self, signs: Int8[Tensor, "b m m"], genes: Int[Tensor, " b"], sizes: Int[Tensor, " b"], wishes: Tensor
    ) -> Float[Tensor, " b"]:
        """Log probability of row ``genes`` of each network, given the rows before.

        Parameters
        ----------
        signs
            Whole networks in breadth-first order.
        genes
            Which row, k.
        sizes
            Genes of each.
        wishes : shape [b, 8]
            Contents per gene.
        """
        rows = torch.arange(len(signs), device=signs.device)
        m = max(int(genes.max()), 1)
        there = torch.arange(m, device=signs.device) < genes[:, None]
        code = signs.long() % 3  # 0, +1 -> 1, -1 -> 2
        target = (3 * code[rows, genes, :m] + code[rows, :m, genes]) * there
        loop = code[rows, genes, genes]
        partial = signs[:, :m, :m] * (there[:, :, None] & there[:, None, :])
        h, whole, free = self.encode(partial, genes, sizes, wishes)
        one_hot = nn.functional.one_hot
        before = nn.functional.pad(one_hot(target, CLASSES)[:, :-1].to(h.dtype), (0, 0, 1, 0))
        state = self._start(whole, loop)
        chosen = nn.functional.pad((target > 0).cumsum(1)[:, :-1], (1, 0))
        known = partial.to(h.dtype)
        own = torch.stack([signs[rows, genes, :m], signs[rows, :m, genes]], -1).to(h.dtype) * there[..., None]
        closed = triads(known.tril(-1), known.mT.tril(-1), own, chosen)
        out, _ = self.row(torch.cat([h, before, closed], -1), state[None])
        logits = self.pair(torch.cat([out, h, closed], -1).flatten(0, 1)).view(*target.shape, CLASSES)
        linked = chosen > 0
        must = (torch.arange(m, device=signs.device) == genes[:, None] - 1) & ~linked
        logits = _never_none(logits, must)
        each = logits.log_softmax(-1).gather(-1, target[..., None])[..., 0]
        own = self.loop(whole).log_softmax(-1).gather(1, loop[:, None])[:, 0]
        return own + (each * free).sum(1)

    @torch.no_grad()
    def sample(self, sizes: Int[Tensor, " b"], wishes: Tensor, stream: Stream) -> Int8[Tensor, "b n n"]:
        """One network for each size.

        Parameters
        ----------
        sizes
            Genes of each, largest first.
        wishes : shape [b, 8]
            Contents per gene.
        stream
            Where the draws come from.
        """
        n, device = int(sizes[0]), wishes.device
        signs = torch.zeros(len(sizes), n, n, dtype=torch.int8, device=device)
        sign = torch.tensor(SIGNS, dtype=torch.int8, device=device)
        for k in range(n):
            live = int((sizes > k).sum())
            genes = torch.full((live,), k, device=device)
            m = max(k, 1)
            h, whole, free = self.encode(signs[:live, :m, :m], genes, sizes[:live], wishes[:live])
            uniform = stream.at("row", k).uniform((live, k + 1), device=device)
            loop = _drawn(self.loop(whole), uniform[:, k])
            signs[:live, k, k] = sign[loop]
            if k:
                known = signs[:live, :m, :m].to(h.dtype)
                classes = self._row(h, self._start(whole, loop), free, uniform, known)
                signs[:live, k, :k], signs[:live, :k, k] = sign[classes // 3], sign[classes % 3]
        return signs

    def _row(self, h: Tensor, state: Tensor, free: Tensor, uniform: Tensor, known: Tensor) -> Int[Tensor, "b k"]:
        """Classes of a row's links, one after another; a row without any gets one with the last gene."""
        k = h.shape[1]
        classes = torch.zeros(h.shape[:2], dtype=torch.long, device=h.device)
        first = int(free.to(torch.uint8).argmax(1).min())
        before, state = torch.zeros(len(h), CLASSES, dtype=h.dtype, device=h.device), state[None]
        own, sign = known.new_zeros(len(h), k, 2), known.new_tensor(SIGNS)
        chosen = torch.zeros(len(h), 1, dtype=torch.long, device=h.device)
        for j in range(first, k):
            closed = triads(known[:, None, j, :j], known[:, None, :j, j], own[:, :j], chosen)[:, 0]
            out, state = self.row(torch.cat([h[:, j], before, closed], -1)[:, None], state)
            logits = self.pair(torch.cat([out[:, 0], h[:, j], closed], -1))
            if j == k - 1:
                logits = _never_none(logits, ~(classes > 0).any(1))
            classes[:, j] = _drawn(logits, uniform[:, j]) * free[:, j]
            before = nn.functional.one_hot(classes[:, j], CLASSES).to(h.dtype)
            own[:, j] = torch.stack([sign[classes[:, j] // 3], sign[classes[:, j] % 3]], -1)
            chosen += (classes[:, j] > 0)[:, None]
        return classes

    def _start(self, whole: Tensor, loop: Tensor) -> Float[Tensor, "b h"]:
        return torch.tanh(self.start(torch.cat([whole, nn.functional.one_hot(loop, 3).to(whole.dtype)], 1)))


def _never_none(logits: Tensor, must: Tensor) -> Tensor:
    none = torch.arange(CLASSES, device=logits.device) == 0
    return logits.masked_fill(must[..., None] & none, -1e9)


def _drawn(logits: Tensor, uniform: Tensor) -> Int[Tensor, " b"]:
    """A class each, by inversion."""
    ends = logits.softmax(-1).cumsum(-1)
    return (uniform[:, None] > ends[:, :-1]).sum(-1)
