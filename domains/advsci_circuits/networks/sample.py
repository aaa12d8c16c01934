"""Drawing large networks: several proposals for one size and one wish, of which the discriminators keep one."""

import torch
from torch import Tensor

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci_circuits.graphs.batch import CircuitBatch
from advsci_circuits.networks.model import NetworkModel
from advsci_circuits.networks.rows import RowGenerator

__all__ = ["generate_networks", "proposals"]

CHUNK = 96


def proposals(generator: RowGenerator, sizes: Tensor, wishes: Tensor, stream: Stream) -> CircuitBatch:
    """One network for each size, in the order given.

    Parameters
    ----------
    generator
        Makes them.
    sizes : shape [b]
        Genes of each.
    wishes : shape [b, 8]
        Contents per gene.
    stream
        Where the draws come from.

    Returns
    -------
    CircuitBatch
    """
    device = wishes.device
    signs = torch.zeros(len(sizes), int(sizes.max()), int(sizes.max()), dtype=torch.int8)
    for number, rows in enumerate(sizes.argsort(descending=True, stable=True).split(CHUNK)):
        some = sizes[rows].to(device)
        drawn = generator.sample(some, wishes[rows.to(device)], stream.at("chunk", number)).cpu()
        signs[rows, : drawn.shape[1], : drawn.shape[1]] = drawn
    return CircuitBatch(signs, sizes)


def generate_networks(
    model: NetworkModel, sizes: Tensor, stream: Stream, *, wishes: Tensor | None = None, tries: int = 1
) -> CircuitBatch:
    """Large networks, connected and of the sizes asked for.

    Parameters
    ----------
    model
        A trained model.
    sizes : shape [b]
        Genes of each.
    stream
        Where the draws come from.
    wishes : shape [b, 8]
        Contents per gene, as `advsci_circuits.networks.wishes.WISHES` names them; by default those of real networks of
        about the size.
    tries
        Proposals for each network; the discriminators keep the one that looks most real. One: no discriminator.

    Returns
    -------
    CircuitBatch

    Raises
    ------
    ConfigError
        On a size below two, or no proposal.

    Examples
    --------
    >>> model = NetworkModel(RowGenerator(8, 1, 8, known=4), []).eval()
    >>> generate_networks(model, torch.tensor([15, 20]), Stream(0), tries=2).signs.shape
    torch.Size([2, 20, 20])
    """
    if tries < 1 or int(sizes.min()) < 2:
        raise ConfigError(f"got {tries} tries and {int(sizes.min())} genes; expected at least 1 and 2. Try: tries=24.")
    if wishes is None:
        uniform = stream.at("wishes").uniform((len(sizes),)).to(model.slope.device)
        wishes = model.likely_wishes(sizes.to(model.slope.device), uniform)
    tries = tries if model.discriminators else 1
    rows = torch.arange(len(sizes)).repeat_interleave(tries)
    made = proposals(model.generator, sizes[rows], wishes[rows.to(wishes.device)], stream.at("proposals"))
    if tries == 1:
        return made
    ratio = model.log_ratio(made.to(model.slope.device)).cpu()
    best = torch.arange(len(sizes)) * tries + ratio.view(-1, tries).argmax(1)
    return CircuitBatch(made.signs[best], sizes)
