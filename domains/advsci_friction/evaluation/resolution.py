"""Whether a map resolves its own contact: an area counted on a handful of pixels is no measurement."""

import math

from advsci_friction.contact.solve import Contact

__all__ = ["FEWEST", "too_few_pixels"]

FEWEST = 20
"""Pixels in contact below which no area, and so no friction, is reported."""


def too_few_pixels(contact: Contact) -> str | None:
    """A sentence about a contact that lies on too few pixels.

    Parameters
    ----------
    contact
        The contact of one map.

    Returns
    -------
    str or None
        None where `FEWEST` pixels or more carry pressure; otherwise how many do, and the grid that would be needed.
    """
    count = int(contact.touching.sum())
    if count >= FEWEST:
        return None
    # the area is at most that of the pixels counted, so that a grid this much finer is the least that is needed
    factor = math.ceil(math.sqrt(FEWEST / count))
    needed = " x ".join(str(factor * n) for n in contact.pressure.shape)
    return (
        f"got a contact on {count} of {contact.pressure.numel()} pixels; expected at least {FEWEST} for an area. "
        f"Try: a map of at least {needed} pixels of the same place, or a larger pressure."
    )
