r"""Examination of a trained generator: which characters it honours, and how far its designs stray from them.

Each known contact is asked of the generator as its own task, at the hardest severity that it stands, several times; the
designs are solved. Characters whose designs miss the wanted area are dropped; the largest pressure and depth become the
worst that was found. By how much designs are steeper than asked is noted at the middle one of them, since a design that
is too steep is drawn again: slopes are known without a solve. What the designer then calls reachable and feasible is
what its generator does, not what its catalogue could.
"""

import math

import torch

from advsci.streams import Stream
from advsci_friction.contact.area import contact_area
from advsci_friction.contact.solve import solve_contact
from advsci_friction.design.designer import Designer
from advsci_friction.game.players import split_sample
from advsci_friction.game.request import STRAIN, Character, condition_of
from advsci_friction.surfaces.textures import PARAMETERS

__all__ = ["examine"]


@torch.no_grad()
def examine(
    designer: Designer,
    stream: Stream,
    *,
    count: int = 1200,
    times: int = 6,
    pixels: int = 64,
    error: float = 0.1,
    batch: int = 32,
) -> Designer:
    """The designer with up to ``count`` known contacts: those whose ``times`` designs all met the area within
    ``error``, or the better half of a rough model.

    Parameters
    ----------
    stream
        Where the random numbers come from.
    pixels
        Pixels of a side.
    batch
        Maps per solve.
    """
    size = len(designer.known["area"])
    rows = stream.at("rows").permutation(size)[: min(count, size)]
    known = {name: value[rows] for name, value in designer.known.items()}
    severity = 1.05 * known["area"] * known["peak"]
    asked = Character(known["family"], known["layout"], known["log_reduced_load"], known["growth"], severity)
    steepest = torch.minimum(torch.tensor(designer.fabrication.slope), designer.fabrication.depth / known["depth"])
    strain = (0.9 * known["log_reduced_load"].exp() * steepest).clamp(*STRAIN)
    condition = condition_of(known["area"], strain, asked)
    worst, band = torch.zeros(len(rows)), designer.band
    steeper = []
    for i in range(times):
        z = stream.at("latent", i).normal((len(rows), PARAMETERS), dtype=torch.float32)
        coefficients, log_reduced_load = split_sample(band, designer.generator(z, condition))
        steeper.append(known["log_reduced_load"] - log_reduced_load)
        by = stream.at("position", i).uniform((len(rows), 2), dtype=torch.float32)
        for part in torch.arange(len(rows)).split(batch):
            h = band.synthesise(band.shift(coefficients[part], by[part]), pixels)
            load = log_reduced_load[part].exp()
            contact = solve_contact(h, load, 1.0, (1.0, 1.0), tolerance=1e-4, strict=False)
            off = (contact_area(contact.touching, 2).float() / known["area"][part]).clamp_min(1e-3).log().abs()
            worst[part] = torch.maximum(worst[part], off)
            known["peak"][part] = torch.maximum(known["peak"][part], contact.peak / load)
            depth = h.amax((-2, -1)) - h.amin((-2, -1))
            known["depth"][part] = torch.maximum(known["depth"][part], depth)
    known["steeper"] = torch.stack(steeper).median(0).values.clamp_min(0.0)
    # of a rough model the better half stays
    passed = worst <= worst.median().clamp_min(math.log1p(error))
    return Designer(
        designer.generator, band, designer.fabrication, {name: value[passed] for name, value in known.items()}
    )
