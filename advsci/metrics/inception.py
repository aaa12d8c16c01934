r"""Inception score: are samples recognisable, and of many kinds?

.. math:: \mathrm{IS} = \exp E_x\, \mathrm{KL}(p(y \mid x) \,\|\, E_x\, p(y \mid x))

Salimans et al. 2016, arXiv 1606.03498, section 4. Between 1 and the number of classes. It never looks at real data,
so a generator that memorises one perfect picture a class has the best score.
"""

import torch
from jaxtyping import Num
from torch import Tensor

from advsci.errors import ConfigError
from advsci.metrics.distances import check_finite
from advsci.metrics.estimate import Estimate

__all__ = ["inception_score"]


@torch.no_grad()
def inception_score(logits: Num[Tensor, "n classes"], splits: int = 10) -> Estimate:
    """Mean over ``splits`` consecutive parts; the error is their standard deviation, as published. Shuffle first.

    Parameters
    ----------
    logits
        Class logits of generated samples (n classes).
    splits
        How many consecutive parts.

    Returns
    -------
    Estimate
        Score and error.

    Raises
    ------
    ConfigError
        If there are more splits than samples.

    Examples
    --------
    >>> import torch
    >>> from advsci.metrics import inception_score
    >>> logits = 50.0 * torch.eye(4).repeat(10, 1)
    >>> round(inception_score(logits, splits=1).value.item(), 4)
    4.0
    """
    if not 1 <= splits <= len(logits):
        raise ConfigError(
            f"got {splits} splits of {len(logits)} samples; expected 1 <= splits <= samples. Try: splits=1."
        )
    check_finite(logits, "logits")
    scores = []
    for part in logits.double().log_softmax(1).tensor_split(splits):
        marginal = part.logsumexp(0) - torch.log(torch.tensor(float(len(part)), dtype=part.dtype, device=part.device))
        scores.append((part.exp() * (part - marginal)).nan_to_num(0.0).sum(1).mean().exp())
    stacked = torch.stack(scores)
    return Estimate(stacked.mean(), stacked.std(correction=0))
