"""Gene regulation as Hill kinetics, for a batch of circuits, parameter sets or both.

``dx_i/dt = g_i P_i(x) - k_i x_i``, where the promoter activity ``P_i`` in (0, 1] combines one response an edge,

``H_ij = l_ij + (1 - l_ij) / (1 + (x_j / theta_ij)^(-s_ij n_ij))``

(s = +1 activation, -1 repression; the leak l is one over the fold change). With u = log x this is a sigmoid of
``s n (u - log theta)``: one exponential an edge, no power, and exact derivatives in log space.

Promoter logics: ``product`` (independent sites; RACIPE, Huang et al. 2017,
https://doi.org/10.1371/journal.pcbi.1005456), ``average`` (independent promoters), ``competitive`` (thermodynamic: at
most one regulator bound at a time, ``P = (1 + sum f_j z_j) / (1 + sum z_j) / max(1, max f)`` with z = (x/theta)^n, f
the fold effect of the bound state).
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int, Int8
from torch import Tensor

from advsci.errors import ConfigError, ShapeError

__all__ = ["LOGICS", "HillField", "HillModel"]

LOGICS = ("product", "average", "competitive")
FLOOR = 1e-30  # concentrations are clamped here before the logarithm


@dataclass(frozen=True)
class HillModel:
    """Kinetics of b models of n genes (a circuit with one parameter set each).

    Parameters
    ----------
    signs : Int8[Tensor, "b n n"]
        ``signs[:, i, j]``: effect of gene j on gene i.
    rate, decay : Float[Tensor, "b n"]
        Highest production g (concentration / time) and degradation k (1 / time).
    threshold, cooperativity, leak : Float[Tensor, "b n n"]
        Half-effect concentration theta, Hill exponent n, and activity left at no activation or full repression;
        entries without an edge are ignored.
    logic : {"product", "average", "competitive"}
        How regulators of one promoter combine.

    Raises
    ------
    ConfigError
        The promoter logic is unknown.
    ShapeError
        Parameters have another shape than the signs say.

    Examples
    --------
    >>> from advsci import Stream
    >>> from advsci_circuits import Circuit, CircuitBatch
    >>> ring = Circuit.from_edges([("LacI", "TetR", -1), ("TetR", "cI", -1), ("cI", "LacI", -1)])
    >>> from advsci_circuits import HillModel, racipe
    >>> isinstance(racipe(CircuitBatch.of([ring]).signs, 10, Stream(0)), HillModel)
    True
    """

    signs: Int8[Tensor, "b n n"]
    rate: Float[Tensor, "b n"]
    decay: Float[Tensor, "b n"]
    threshold: Float[Tensor, "b n n"]
    cooperativity: Float[Tensor, "b n n"]
    leak: Float[Tensor, "b n n"]
    logic: str = "product"

    def __post_init__(self):
        if self.logic not in LOGICS:
            raise ConfigError(
                f"got the promoter logic '{self.logic}'; expected one of {', '.join(LOGICS)}. Try: product."
            )
        wanted = dict.fromkeys(("threshold", "cooperativity", "leak"), self.signs.shape)
        wanted |= dict.fromkeys(("rate", "decay"), self.signs.shape[:2])
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise ShapeError(
                    f"got {name} of shape {tuple(getattr(self, name).shape)}; expected {tuple(shape)}, as the signs "
                    "say. "
                    "Try: racipe(signs, sets, stream)."
                )

    def __len__(self) -> int:
        return self.signs.shape[0]

    @property
    def genes(self) -> int:
        """Number of genes n, padding included."""
        return self.signs.shape[1]

    def __getitem__(self, index) -> "HillModel":
        """The models of a slice, mask or list of indices."""
        names = ("signs", "rate", "decay", "threshold", "cooperativity", "leak")
        return replace(self, **{name: getattr(self, name)[index] for name in names})

    def scale_rate(self, gene: int | Int[Tensor, " b"], factor: float | Float[Tensor, " b"]) -> "HillModel":
        """The models with the production of one gene multiplied: how an external input acts.

        Parameters
        ----------
        factor
            One factor, or one per model.
        """
        rate = self.rate.clone()
        rows = torch.arange(len(self), device=rate.device)
        rate[rows, gene] = rate[rows, gene] * factor
        return replace(self, rate=rate)

    def field(self) -> "HillField":
        """The right-hand side, laid out for speed: one slot a regulator, batch last."""
        return HillField.of(self)

    def derivative(self, x: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
        """``g P(x) - k x``."""
        return self.field()(x.mT).mT

    def log_activity(self, u: Float[Tensor, "b *s n"]) -> Float[Tensor, "b *s n"]:
        """``log P`` at log concentrations u (any starts between batch and genes)."""
        return self.activity_and_slope(u)[0]

    def activity_and_slope(
        self, u: Float[Tensor, "b *s n"]
    ) -> tuple[Float[Tensor, "b *s n"], Float[Tensor, "b *s n n"]]:
        """``log P`` and ``D_ij = d log P_i / d u_j``, dense in the genes.

        Parameters
        ----------
        u
            Log concentrations.
        """
        shape = (len(self),) + (1,) * (u.ndim - 2) + (self.genes, self.genes)
        exponent = (self.signs * self.cooperativity).reshape(shape)
        edge = (self.signs != 0).reshape(shape)
        leak = torch.where(edge, self.leak.reshape(shape), 1.0)
        argument = exponent * (u.unsqueeze(-2) - self.threshold.log().reshape(shape))
        if self.logic == "competitive":
            weight = torch.where(edge, (argument * self.signs.reshape(shape)).exp(), 0.0)
            effect = torch.where(self.signs.reshape(shape) > 0, 1 / leak.clamp_min(FLOOR), leak)
            top = effect.amax(-1).clamp_min(1.0)
            bound, free = (effect * weight).sum(-1) + 1, weight.sum(-1) + 1
            power = exponent * self.signs.reshape(shape)
            slope = power * weight * (effect / bound.unsqueeze(-1) - 1 / free.unsqueeze(-1))
            return (bound / free / top).log(), slope
        sigmoid = argument.sigmoid()
        response = leak + (1 - leak) * sigmoid
        change = (1 - leak) * exponent * sigmoid * (1 - sigmoid)
        if self.logic == "product":
            return response.log().sum(-1), change / response
        regulators = edge.sum(-1).clamp_min(1)
        total = torch.where(edge, response, 0.0).sum(-1) + (edge.sum(-1) == 0)
        return (total / regulators).log(), change / total.unsqueeze(-1)

    def jacobian(self, x: Float[Tensor, "b n"]) -> Float[Tensor, "b n n"]:
        """``d(dx_i/dt)/dx_j = g_i P_i D_ij / x_j - k_i delta_ij``.

        Parameters
        ----------
        x
            Concentrations.
        """
        x = x.clamp_min(FLOOR)
        activity, slope = self.activity_and_slope(x.log())
        production = (self.rate * activity.exp()).unsqueeze(-1)
        return production * slope / x.unsqueeze(-2) - torch.diag_embed(self.decay)

    def box(self) -> tuple[Float[Tensor, "b n"], Float[Tensor, "b n"]]:
        """Lowest and highest log concentration of the invariant box: every steady state lies in it."""
        high = (self.rate / self.decay).log()
        leak = torch.where(self.signs != 0, self.leak, 1.0).clamp_min(1e-12)
        if self.logic == "competitive":
            effect = torch.where(self.signs > 0, 1 / leak, leak)
            low = effect.amin(-1).clamp_max(1.0).log() - effect.amax(-1).clamp_min(1.0).log()
            return high + low, high
        low = leak.log().sum(-1) if self.logic == "product" else leak.amin(-1).log()
        return high + low, high


@dataclass(frozen=True)
class HillField:
    """The right-hand side on states [n, b], regulators gathered into slots; ``take`` keeps some of the batch."""

    rate: Float[Tensor, "n b"]
    decay: Float[Tensor, "n b"]
    source: Tensor  # [n * slots] where one topology is shared, else [n * slots, b]
    exponent: Float[Tensor, "slots b"]
    offset: Float[Tensor, "slots b"]
    leak: Float[Tensor, "slots b"]
    gain: Float[Tensor, "slots b"]
    scale: Tensor  # competitive: [n, b] one over the largest fold; average: [n, b] one over the regulators
    logic: str

    @classmethod
    def of(cls, model: HillModel) -> "HillField":
        """Gather the regulators of each gene into as many slots as the busiest gene has.

        Parameters
        ----------
        model
            The kinetics.

        Returns
        -------
        HillField
            The field of all circuits.
        """
        b, n, _ = model.signs.shape
        signs = model.signs
        shared = b == 1 or bool((signs == signs[:1]).all())
        edge = signs != 0
        slots = max(int(edge.sum(2).max()), 1) if b else 1
        # regulators first; a stable sort keeps their order
        order = (~edge).to(torch.int8).sort(dim=2, stable=True).indices[:, :, :slots]
        used = edge.gather(2, order)

        def slot(value: Tensor, empty: float) -> Tensor:
            """``value`` in the slots of each gene's regulators, ``empty`` in the slots without one."""
            return torch.where(used, value.gather(2, order), empty).reshape(b, n * slots).mT.contiguous()

        exponent = slot(signs * model.cooperativity, 0.0)
        offset = slot(signs * model.cooperativity * model.threshold.clamp_min(FLOOR).log(), 0.0)
        leak = slot(model.leak, 1.0)
        scale = torch.ones_like(model.rate)
        if model.logic == "competitive":
            effect = torch.where(edge, torch.where(signs > 0, 1 / model.leak.clamp_min(FLOOR), model.leak), 1.0)
            scale = 1 / effect.amax(2).clamp_min(1.0)
            sign = slot(signs.to(leak.dtype), 0.0)
            exponent, offset = exponent * sign, offset * sign
            # an empty slot must have no weight: push its argument to minus infinity
            offset = torch.where(sign == 0, torch.full_like(offset, 1e4), offset)
            leak = torch.where(sign > 0, 1 / leak.clamp_min(FLOOR), leak)
        elif model.logic == "average":
            count = edge.sum(2)
            scale = 1 / count.clamp_min(1).to(leak.dtype)
            empty = slot(torch.ones_like(model.leak), 0.0) == 0
            first = torch.arange(n * slots, device=leak.device)[:, None] % slots == 0
            lonely = (count == 0).mT.repeat_interleave(slots, 0)
            leak = torch.where(empty, (first & lonely).to(leak.dtype), leak)
        gain = 1 - leak if model.logic == "product" else torch.where(exponent == 0, 0.0, 1 - leak)
        source = order.reshape(b, n * slots).mT
        return cls(
            model.rate.mT.contiguous(),
            model.decay.mT.contiguous(),
            source[:, 0].contiguous() if shared else source.contiguous(),
            exponent,
            offset.neg(),
            leak,
            gain,
            scale.mT.contiguous(),
            model.logic,
        )

    def take(self, index: Int[Tensor, " k"]) -> "HillField":
        """The field of some members of the batch.

        Parameters
        ----------
        index
            Which members.
        """
        names = ("rate", "decay", "exponent", "offset", "leak", "gain", "scale")
        kept = {name: getattr(self, name).index_select(1, index) for name in names}
        if self.source.ndim == 2:
            kept["source"] = self.source.index_select(1, index)
        return replace(self, **kept)

    def activity(self, x: Float[Tensor, "n b"]) -> Float[Tensor, "n b"]:
        """Promoter activities P(x)."""
        n, b = x.shape
        u = x.clamp_min(FLOOR).log_()
        u = u.index_select(0, self.source) if self.source.ndim == 1 else u.gather(0, self.source)
        argument = torch.addcmul(self.offset, self.exponent, u)
        slots = argument.shape[0] // n
        if self.logic == "competitive":
            weight = argument.clamp_max_(250.0).exp_().reshape(n, slots, b)
            bound = (weight * self.leak.reshape(n, slots, b)).sum(1)
            return (1 + bound) / (1 + weight.sum(1)) * self.scale
        response = torch.addcmul(self.leak, self.gain, argument.sigmoid_())
        if slots == 1:
            return response
        response = response.reshape(n, slots, b)
        if self.logic == "average":
            return response.sum(1) * self.scale
        product = response[:, 0]
        for slot in range(1, slots):
            product = product * response[:, slot]
        return product

    def balance(self, u: Float[Tensor, "n b"]) -> Float[Tensor, "n b"]:
        """``F(u) = log(g/k) + log P - u``: zero exactly at a steady state."""
        return (self.rate / self.decay * self.activity(u.exp())).log() - u

    def balance_and_matrix(self, u: Float[Tensor, "n b"]) -> tuple[Float[Tensor, "n b"], Float[Tensor, "n n b"]]:
        """``F(u)`` and Newton's matrix ``I - D`` with ``D_ij = d log P_i / d u_j``."""
        n, b = u.shape
        regulator = u.index_select(0, self.source) if self.source.ndim == 1 else u.gather(0, self.source)
        argument = torch.addcmul(self.offset, self.exponent, regulator)
        slots = argument.shape[0] // n
        if self.logic == "competitive":
            weight = argument.clamp_max_(250.0).exp_()
            effect = self.leak
            bound = 1 + (weight * effect).view(n, slots, b).sum(1)
            free = 1 + weight.view(n, slots, b).sum(1)
            activity = bound / free * self.scale
            share = effect / bound.repeat_interleave(slots, 0) - 1 / free.repeat_interleave(slots, 0)
            slope = self.exponent * weight * share
        else:
            sigmoid = argument.sigmoid_()
            response = torch.addcmul(self.leak, self.gain, sigmoid)
            slope = self.gain * self.exponent * sigmoid * (1 - sigmoid)
            if self.logic == "product":
                activity = response.view(n, slots, b).prod(1) if slots > 1 else response
                slope = slope / response
            else:
                total = response.view(n, slots, b).sum(1)
                activity = total * self.scale
                slope = slope / total.repeat_interleave(slots, 0)
        residual = (self.rate / self.decay * activity).log() - u
        matrix = torch.zeros(n * n, b, dtype=u.dtype, device=u.device)
        row = torch.arange(n, device=u.device).repeat_interleave(slots) * n
        if self.source.ndim == 1:
            matrix.index_add_(0, row + self.source, slope, alpha=-1)
        else:
            matrix.scatter_add_(0, row[:, None] + self.source, slope.neg_())
        matrix[:: n + 1] += 1
        return residual, matrix.view(n, n, b)

    def __call__(self, x: Float[Tensor, "n b"], out: Float[Tensor, "n b"] | None = None) -> Float[Tensor, "n b"]:
        return torch.addcmul(self.rate * self.activity(x), self.decay, x, value=-1, out=out)
