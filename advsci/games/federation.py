r"""Several sites that share players but no samples: federated adversarial training, in simulation.

Each site s plays a game of its own, with its own copy of every player, on its own data. Every few steps the copies of
the shared players are replaced by their mean, weighted by the sites' numbers of samples,

.. math:: \theta \leftarrow \frac{\sum_s n_s\, \theta_s}{\sum_s n_s}

(McMahan et al. 2017, arXiv 1602.05629), and go on from there. With ``proximal`` :math:`\mu > 0` a site also pays

.. math:: \frac{\mu}{2}\, \lVert \theta_s - \theta \rVert^2

for leaving the last mean (FedProx, Li et al. 2020, arXiv 1812.06127). A generator that is shared, with a discriminator
at each site, sees the data of all sites through the discriminators alone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from advsci.errors import ConfigError, DataError
from advsci.games.game import Batch, Draw, Game
from advsci.streams import Stream

__all__ = ["Federation", "masked_sum"]

Total = Callable[[Sequence[Tensor]], Tensor]


class Federation(Game):
    r"""A game per site, with players in common; `advsci.solvers.Federated` plays it.

    Players are called ``"SITE/PLAYER"``, and so are the keys of a batch: ``"SITE/KEY"``
    (`advsci.training.Sites` makes such batches).

    Parameters
    ----------
    sites
        Site -> its game. All are built alike; the shared players start from those of the first site.
    samples
        Site -> its number of samples :math:`n_s`, the weights of the mean; None: all sites count alike.
    shared
        Players that the sites have in common.
    proximal
        :math:`\mu`, the price of leaving the last mean.
    sum_of
        How vectors of the sites are added. Nothing else of a site is used, so that a protocol of secure aggregation
        fits here; `masked_sum` simulates one.

    Raises
    ------
    ConfigError
        There is no site, a shared player is unknown, or the sites' copies of it differ in shape.

    Examples
    --------
    >>> import torch
    >>> from advsci import GAN, Stream, Trainer
    >>> from advsci.latents import Gaussian
    >>> from advsci.nn import MLP
    >>> from advsci.solvers import Federated, Simultaneous
    >>> from advsci.training import Sites
    >>> data = {"north": torch.randn(60, 2), "south": torch.randn(40, 2)}
    >>> games = {site: GAN(MLP(2, 2), MLP(2, 1), Gaussian(2)) for site in data}
    >>> game = Federation(games, {"north": 60, "south": 40})
    >>> training = Trainer(4, 16, quiet=True).fit(game, Sites(data), Federated(Simultaneous(), every=2))
    >>> north, south = (game.games[site].generator.state_dict() for site in data)
    >>> all(torch.equal(north[name], south[name]) for name in north)
    True
    """

    def __init__(
        self,
        sites: Mapping[str, Game],
        samples: Mapping[str, int] | None = None,
        *,
        shared: Sequence[str] = ("generator",),
        proximal: float = 0.0,
        sum_of: Total | None = None,
    ):
        super().__init__()
        self.games = nn.ModuleDict(sites)
        self.shared, self.proximal = tuple(shared), proximal
        self.sum_of = sum_of or (lambda vectors: torch.stack(list(vectors)).sum(0))
        self._check_sites(sites, samples, proximal)
        counts = [float(samples[site]) if samples else 1.0 for site in sites]
        self.weights = {site: n / sum(counts) for site, n in zip(sites, counts, strict=True)}
        for player in self.shared:
            first = next(iter(sites.values())).players[player].state_dict()
            for game in sites.values():
                game.players[player].load_state_dict(first)
        for player in self.shared:
            for i, p in enumerate(next(iter(sites.values())).parameters_of(player)):
                self.register_buffer(f"mean_{player}_{i}", p.detach().clone())

    def _check_sites(self, sites: Mapping[str, Game], samples: Mapping[str, int] | None, proximal: float) -> None:
        if not sites or proximal < 0 or any("/" in site or "." in site for site in sites):
            raise ConfigError(
                f"got sites {list(sites)}, proximal={proximal}; expected a game per site, names without strokes and "
                "points, and proximal >= 0. Try: {'north': game, 'south': game}."
            )
        if samples is not None and (set(samples) != set(sites) or min(samples.values()) < 1):
            raise ConfigError(
                f"got samples {dict(samples)}; expected a number for each of {list(sites)}. Try: len(data)."
            )
        for player in self.shared:
            shapes = {
                site: [(name, t.shape) for name, t in game.players[player].state_dict().items()]
                if player in game.players
                else None
                for site, game in sites.items()
            }
            if None in shapes.values() or any(shape != next(iter(shapes.values())) for shape in shapes.values()):
                raise ConfigError(
                    f"got a shared player '{player}' that is missing at a site, or of another shape there; expected "
                    "one network in copies. Try: the same settings for every site."
                )

    @property
    def players(self) -> dict[str, nn.Module]:
        return {f"{site}/{name}": player for site, game in self._each() for name, player in game.players.items()}

    def _at(self, site: str) -> Game:
        return cast(Game, self.games[site])

    def _each(self) -> list[tuple[str, Game]]:
        return [(site, self._at(site)) for site in self.games]

    def draw(self, batch: Batch, stream: Stream) -> Draw:
        """Random numbers of every site, ``"SITE/NAME"``.

        Parameters
        ----------
        batch
            Samples of all sites.
        stream
            Source of all randomness; each site has its own.
        """
        found: dict[str, Tensor] = {}
        for i, (site, game) in enumerate(self._each()):
            drawn = game.draw(own(batch, site), stream.at("site", i))
            found |= {f"{site}/{name}": value for name, value in drawn.items()}
        return found

    def terms(self, player: str, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        """Terms of a site's player on that site's samples, and the price of leaving the last mean.

        Parameters
        ----------
        player
            ``"SITE/PLAYER"``.
        batch
            Samples of all sites.
        draw
            Random numbers of all sites.
        """
        site, _, name = player.partition("/")
        game = self._at(site)
        terms = game.terms(name, own(batch, site), own(draw, site))
        if self.proximal and name in self.shared:
            gaps = [(p - at).square().sum() for p, at in zip(game.parameters_of(name), self._mean(name), strict=True)]
            terms = {**terms, "proximal": 0.5 * self.proximal * torch.stack(gaps).sum()}
        return terms

    def check(self, batch: Batch, draw: Draw) -> None:
        """Check every site's game on its samples.

        Parameters
        ----------
        batch
            Samples of all sites.
        draw
            Random numbers of all sites.

        Raises
        ------
        DataError
            A site has no samples.
        """
        for site, game in self._each():
            if not own(batch, site):
                raise DataError(
                    f"got no samples of the site '{site}'; expected keys such as '{site}/x'. Try: Sites(data)."
                )
            game.check(own(batch, site), own(draw, site))

    def check_data(self, data: Batch) -> None:
        """Check weights and labels of every site.

        Parameters
        ----------
        data
            The data of all sites.
        """
        for site, game in self._each():
            game.check_data(own(data, site))

    def moved(self, player: str) -> None:
        """Apply the constraints of a site's player.

        Parameters
        ----------
        player
            ``"SITE/PLAYER"``.
        """
        site, _, name = player.partition("/")
        self._at(site).moved(name)

    def _mean(self, player: str) -> list[Tensor]:
        count = len(next(iter(self._each()))[1].parameters_of(player))
        return [self.get_buffer(f"mean_{player}_{i}") for i in range(count)]

    @torch.no_grad()
    def average(self) -> None:
        """Replace the sites' copies of the shared players by their weighted mean, statistics of layers included."""
        for player in self.shared:
            copies = {site: numbers_of(game.players[player]) for site, game in self._each()}
            vectors = [
                torch.cat([t.reshape(-1) for t in tensors]) * self.weights[site] for site, tensors in copies.items()
            ]
            mean = self.sum_of(vectors)
            for tensors in copies.values():
                for t, part in zip(tensors, mean.split([t.numel() for t in tensors]), strict=True):
                    t.copy_(part.view_as(t))
            for at, p in zip(self._mean(player), next(iter(self._each()))[1].parameters_of(player), strict=True):
                at.copy_(p)


def own(named: Mapping[str, Tensor], site: str) -> dict[str, Tensor]:
    """What belongs to a site, by its names there.

    Parameters
    ----------
    named
        A batch or a draw of all sites.
    site
        The site.
    """
    start = f"{site}/"
    return {key.removeprefix(start): value for key, value in named.items() if key.startswith(start)}


def numbers_of(module: nn.Module) -> list[Tensor]:
    """Parameters and real statistics of a network; counters, and data that it keeps beside its state, are left alone.

    Parameters
    ----------
    module
        The network.

    Returns
    -------
    list of Tensor
        The tensors themselves, without their graph.
    """
    return [t for t in module.state_dict().values() if t.is_floating_point()]


def masked_sum(vectors: Sequence[Tensor], stream: Stream, *, bits: int = 32) -> Tensor:
    r"""The sum of the sites' vectors, of which nobody sees one: each pair of sites adds and subtracts a random mask.

    Site i sends :math:`q_i + \sum_{j > i} m_{ij} - \sum_{j < i} m_{ji} \bmod 2^{64}`, with :math:`q_i` its vector in
    fixed point and masks that both know; in the sum all masks cancel (Bonawitz et al. 2017, doi
    10.1145/3133956.3133982, without what it does for sites that drop out). A simulation: all happens in one process.

    Parameters
    ----------
    vectors
        One per site, (d,) each.
    stream
        Source of the masks.
    bits
        Binary digits after the point; sums stay below :math:`2^{63 - bits}`.

    Returns
    -------
    Tensor
        (d,), within ``len(vectors) / 2**(bits + 1)`` of the sum.

    Examples
    --------
    >>> from advsci import Stream
    >>> masked_sum([torch.tensor([0.5, 1.0]), torch.tensor([0.25, -3.0])], Stream(0))
    tensor([ 0.7500, -2.0000])
    """
    sent = [(v.double() * 2**bits).round().long() for v in vectors]
    for i in range(len(sent)):
        for j in range(i + 1, len(sent)):
            halves = [stream.at("mask", i, j, k).integers(2**32, tuple(sent[i].shape)).to(sent[i]) for k in (0, 1)]
            mask = (halves[0] << 32) + halves[1]
            sent[i], sent[j] = sent[i] + mask, sent[j] - mask
    return (torch.stack(sent).sum(0).double() / 2**bits).to(vectors[0])
