"""A discriminator that knows the law: a learned critic shown the residuals of the physics beside the sample."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from advsci.errors import ShapeError
from advsci.physics.law import Findings, Physics, residual_features

__all__ = ["PhysicsInformedDiscriminator"]


class PhysicsInformedDiscriminator(nn.Module):
    r"""Learned critic + residuals of the physics + feasibility, as one judge of samples.

    The critic is called as ``critic(x, context)`` with the context (condition, features) of each sample, where the
    features are `residual_features`. Real samples obey the law exactly and would be told apart by that alone, so their
    features carry noise: ``1 - noise |normal|`` (Stinis et al. 2019, arXiv 1803.08182).

    Parameters
    ----------
    critic
        ``critic(x, context) -> logits``, context of length condition + number of findings. Only its parameters are
        learned.
    physics
        The law; evaluated once a batch of generated samples, never on real ones.
    shape
        Shape of one sample x.
    noise
        Width of the noise on the features of real samples.
    informed
        If False, the critic is shown constant features: the ablation without physics in the discriminator.

    Notes
    -----
    `join` packs sample and features into one vector (n, d + k), which is what gradient penalties differentiate;
    `forward` takes it apart again. So penalties never differentiate through the physics twice.

    Examples
    --------
    >>> import torch
    >>> from advsci.nn import MLP
    >>> from advsci.physics import Findings, Physics, PhysicsInformedDiscriminator
    >>> class Mass(Physics):
    ...     names = ("mass",)
    ...     def forward(self, x, condition=None):
    ...         return Findings({"mass": x.sum(1) - 1.0})
    >>> judge = PhysicsInformedDiscriminator(MLP(3, 1), Mass(), (2,))
    >>> judge.count
    1
    """

    def __init__(
        self, critic: nn.Module, physics: Physics, shape: Sequence[int], *, noise: float = 0.1, informed: bool = True
    ):
        super().__init__()
        self.critic = critic
        self.physics = physics
        self.shape = tuple(shape)
        self.noise = noise
        self.informed = informed

    @property
    def count(self) -> int:
        """Number k of features."""
        return len(self.physics.names)

    def features(self, findings: Findings) -> Float[Tensor, "n k"]:
        """What the critic is shown of generated samples.

        Parameters
        ----------
        findings
            What the physics found.
        """
        features = residual_features(findings)
        return features if self.informed else torch.ones_like(features)

    def real_features(self, normal: Float[Tensor, "n k"]) -> Float[Tensor, "n k"]:
        """What the critic is shown of real samples, which obey the law: 1 less noise.

        Parameters
        ----------
        normal
            Standard normal numbers (n features).
        """
        return 1.0 - self.noise * normal.abs() if self.informed else torch.ones_like(normal)

    def join(self, x: Float[Tensor, "n ..."], features: Float[Tensor, "n k"]) -> Float[Tensor, "n d"]:
        """Sample and features as one vector.

        Parameters
        ----------
        x
            Samples (n ...).

        Raises
        ------
        ShapeError
            Samples or features have another shape than stated.
        """
        if x.shape[1:] != self.shape or features.shape != (x.shape[0], self.count):
            raise ShapeError(
                f"got samples {tuple(x.shape)} and features {tuple(features.shape)}; expected (n, "
                f"{', '.join(map(str, self.shape))}) and (n, {self.count}). Try: the generator's output shape as "
                f"`shape`."
            )
        return torch.cat([x.flatten(1), features], 1)

    def forward(
        self, joint: Float[Tensor, "n d"], condition: Float[Tensor, "n c"] | None = None
    ) -> Float[Tensor, " n"]:
        """Logits of joined samples.

        Parameters
        ----------
        joint
            Samples and features as one vector each (n d).
        condition
            Conditions of the samples (n ...), or None.
        """
        d = math.prod(self.shape)
        x, features = joint[:, :d].reshape(-1, *self.shape), joint[:, d:]
        context = features if condition is None else torch.cat([condition, features], 1)
        return self.critic(x, context).reshape(-1)
