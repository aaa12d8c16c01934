"""All steady states of a batch of circuits, and which of them attract.

In u = log x a steady state solves ``F(u) = log(g/k) + log P(u) - u = 0``, whose slopes are bounded by the Hill
exponents: Newton's method converges in a few steps from starts spread over the invariant box. At a root the Jacobian is
similar to ``diag(k) (D - I)`` with D = d log P / d u, and the index theorem says ``sum sign det(I - D) = 1`` over all
steady states of the box: a sum other than one proves that some are missing. A sum of one proves nothing: pairs of
opposite sign can be missing, so the set is called *consistent*, and the more starts, the fewer are missed.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from advsci.streams import Stream
from advsci_circuits.dynamics.hill import HillField, HillModel
from advsci_circuits.dynamics.stability import stability

__all__ = ["FixedPoints", "fixed_points", "newton", "steady_state"]


@dataclass(frozen=True)
class FixedPoints:
    """Distinct steady states; slots that hold none have ``found`` false.

    Parameters
    ----------
    log_x : Float[Tensor, "b s n"]
        Log concentrations.
    found, stable : Bool[Tensor, "b s"]
        Whether a slot holds a steady state (each once), and whether it attracts.
    index : Int[Tensor, "b"]
        Sum of ``sign det(-J)`` over the found states; one when the set is complete, and sometimes when it is not.
    """

    log_x: Float[Tensor, "b s n"]
    found: Bool[Tensor, "b s"]
    stable: Bool[Tensor, "b s"]
    index: Int[Tensor, " b"]

    @property
    def count(self) -> Int[Tensor, " b"]:
        """Steady states found."""
        return self.found.sum(1)

    @property
    def stable_count(self) -> Int[Tensor, " b"]:
        """Attracting steady states found."""
        return (self.found & self.stable).sum(1)

    @property
    def consistent(self) -> Bool[Tensor, " b"]:
        """Whether the index theorem holds of the found set: necessary for completeness, not sufficient."""
        return self.index == 1

    @property
    def none_stable(self) -> Bool[Tensor, " b"]:
        """A consistent set in which nothing attracts: in a bounded box, sustained oscillation."""
        return self.consistent & (self.count > 0) & (self.stable_count == 0)


def _solve(matrix: Float[Tensor, "n n b"], rhs: Float[Tensor, "n b"]) -> Float[Tensor, "n b"]:
    """Batched small systems, batch last: elimination in whole vectors up to four genes, LAPACK beyond."""
    n = rhs.shape[0]
    if n > 4:
        a = matrix.permute(2, 0, 1)
        return torch.linalg.solve_ex(a, rhs.mT.unsqueeze(-1)).result[..., 0].mT
    # no pivoting: a failed pivot only spoils a Newton step, and every root is accepted by its residual
    rows = [torch.cat([matrix[i], rhs[i : i + 1]]) for i in range(n)]
    for i in range(n):
        pivot = rows[i][i]
        rows[i] = rows[i] / torch.where(pivot.abs() < 1e-12, 1e-12, pivot)
        for j in range(i + 1, n):
            rows[j] = rows[j] - rows[j][i] * rows[i]
    for i in reversed(range(n)):
        for j in range(i):
            rows[j] = rows[j] - rows[j][i] * rows[i]
    return torch.stack([row[n] for row in rows])


def newton(
    field: HillField,
    u: Float[Tensor, "n b"],
    low: Float[Tensor, "n b"],
    high: Float[Tensor, "n b"],
    iterations: int = 40,
    tolerance: float = 1e-9,
) -> tuple[Float[Tensor, "n b"], Bool[Tensor, " b"]]:
    """Newton's method on F(u) = 0 with steps of at most one e-fold, inside the box; converged columns leave the batch.

    Parameters
    ----------
    field
        Right-hand side of all columns.
    low
        Lower walls.
    high
        Upper walls.
    iterations
        Most steps.
    tolerance
        Largest residual of a root.

    Returns
    -------
    (roots, converged) : Float[Tensor, "n b"], Bool[Tensor, "b"]
    """
    out, converged = u.clone(), torch.zeros(u.shape[1], dtype=torch.bool, device=u.device)
    alive = torch.arange(u.shape[1], device=u.device)
    for iteration in range(iterations):
        residual, matrix = field.balance_and_matrix(u)
        done = residual.abs().amax(0) < tolerance
        if iteration % 2 == 0 or iteration == iterations - 1:
            out.index_copy_(1, alive, u)
            converged.index_copy_(0, alive, done)
            left = (~done).nonzero()[:, 0]
            if not len(left) or iteration == iterations - 1:
                break
            if len(left) < 0.8 * len(alive):
                field, alive = field.take(left), alive[left]
                u, low, high = u.index_select(1, left), low.index_select(1, left), high.index_select(1, left)
                residual, matrix = residual.index_select(1, left), matrix.index_select(2, left)
        step = _solve(matrix, residual)
        step = torch.nan_to_num(step, 0.0, 1.0, -1.0)
        step = step * (1 / step.abs().amax(0).clamp_min(1.0))
        u = torch.minimum(torch.maximum(u + step, low), high)
    return out, converged


def _distinct(u: Float[Tensor, "b s n"], found: Bool[Tensor, "b s"]) -> Bool[Tensor, "b s"]:
    """The first of every group of equal roots."""
    near = torch.ones(u.shape[0], u.shape[1], u.shape[1], dtype=torch.bool, device=u.device)
    for gene in range(u.shape[2]):
        near &= (u[:, :, None, gene] - u[:, None, :, gene]).abs() < 1e-4
    earlier = torch.ones(u.shape[1], u.shape[1], dtype=torch.bool, device=u.device).tril(-1)
    return found & ~(near & earlier & found[:, None, :]).any(2)


def _judge(model: HillModel, u: Tensor, found: Tensor) -> tuple[Tensor, Tensor]:
    """Stability and sign of det(-J) at found roots, [b, s] each; only the found ones are worked on."""
    stable = torch.zeros_like(found)
    sign = torch.zeros(found.shape, dtype=torch.long, device=found.device)
    row, slot = found.nonzero(as_tuple=True)
    if len(row):
        field = model.field().take(row)
        _, matrix = field.balance_and_matrix(u[row, slot].mT.contiguous())
        jacobian = -(matrix * field.decay[:, None]).permute(2, 0, 1)
        stable[row, slot], sign[row, slot] = stability(jacobian)
    return stable, sign


def fixed_points(
    model: HillModel, stream: Stream, starts: int = 14, rounds: int = 2, relaxations: int = 40, confirm: int = 0
) -> FixedPoints:
    """Steady states of every model, by Newton from random starts in the invariant box.

    Half the starts first relax by damped iteration, which leads to attracting states. Models whose index sum is not one
    get another round: new random starts, and starts half-way between the states already found, where saddles lie.

    Parameters
    ----------
    model : HillModel
        b models.
    stream
        Where the starts come from.
    starts : int
        Starts per model in the first round; later rounds take twice as many.
    rounds : int
        Most rounds; those after the first are for models whose index sum is not one.
    relaxations
        Steps of damped iteration before Newton's method, for half of the first round's starts.
    confirm
        Further rounds for all models: an index sum of one is no proof.

    Returns
    -------
    FixedPoints

    Examples
    --------
    >>> import torch
    >>> from advsci.streams import Stream
    >>> from advsci_circuits.dynamics import racipe
    >>> toggle = torch.tensor([[[0, -1], [-1, 0]]], dtype=torch.int8)
    >>> points = fixed_points(racipe(toggle, 100, Stream(0)), Stream(1))
    >>> bool((points.stable_count >= 1).all())
    True
    """
    u, found = _search(model, None, stream.at("round", 0), starts, relaxations)
    stable, sign = _judge(model, u, found)
    for again in range(1, rounds + confirm):
        missing = ((sign.sum(1) != 1) | (again >= rounds)).nonzero()[:, 0]
        if not len(missing):
            continue
        part = model[missing]
        old_u, old_found = u[missing], found[missing]
        more_u, more_found = _search(part, (old_u, old_found), stream.at("round", again), 2 * starts, relaxations)
        joined_u, joined = torch.cat([old_u, more_u], 1), torch.cat([old_found, more_found], 1)
        joined = _distinct(joined_u, joined)
        part_stable, part_sign = _judge(part, joined_u, joined)
        grow = joined_u.shape[1] - u.shape[1]
        if grow > 0:
            u = torch.cat([u, u.new_zeros(len(model), grow, u.shape[2])], 1)
            blank = torch.zeros(len(model), grow, dtype=torch.bool, device=u.device)
            found, stable = torch.cat([found, blank], 1), torch.cat([stable, blank], 1)
            sign = torch.cat([sign, blank.long()], 1)
        u[missing], found[missing], stable[missing], sign[missing] = joined_u, joined, part_stable, part_sign
    return FixedPoints(u, found, stable & found, sign.sum(1))


def _search(model: HillModel, known, stream: Stream, starts: int, relaxations: int) -> tuple[Tensor, Tensor]:
    b, n = len(model), model.genes
    low, high = model.box()
    # a one-e-fold margin keeps Newton from sticking to the walls
    spread = stream.uniform((b, starts, n), device=low.device, dtype=low.dtype)
    u = low[:, None] + spread * (high - low)[:, None]
    if known is not None:
        old, found = known
        first = torch.where(found, 1.0, 0.0).to(u.dtype)
        pick = torch.multinomial(
            first + 1e-9, 2 * (starts // 2), replacement=True, generator=stream.at("pairs").generator(u.device)
        ).view(b, starts // 2, 2)
        ends = old.gather(1, pick.view(b, -1, 1).expand(-1, -1, n)).view(b, starts // 2, 2, n)
        share = stream.at("share").uniform((b, starts // 2, 1), device=u.device, dtype=u.dtype)
        u[:, : starts // 2] = ends[:, :, 0] * share + ends[:, :, 1] * (1 - share)
    columns = torch.arange(b, device=u.device).repeat_interleave(starts)
    field = model.field().take(columns)
    half = starts // 2
    if known is None and relaxations:
        relaxed = model.field().take(torch.arange(b, device=u.device).repeat_interleave(half))
        v = u[:, :half].reshape(-1, n).mT.contiguous()
        for _ in range(relaxations):
            v = v + 0.4 * relaxed.balance(v)
        u[:, :half] = v.mT.view(b, half, n)
    flat = u.reshape(-1, n).mT.contiguous()
    floor, ceiling = ((edge.index_select(0, columns)).mT.contiguous() for edge in (low - 1, high + 1))
    roots, converged = newton(field, flat, floor, ceiling)
    u = roots.mT.reshape(b, starts, n)
    found = converged.view(b, starts)
    return u, _distinct(u, found)


def steady_state(model: HillModel, log_x: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
    """The steady state near ``log_x``, differentiable in every parameter of the model.

    One Newton step with the matrix held constant has the value of the root and, by the implicit function theorem, its
    derivative ``du/dp = (I - D)^-1 dF/dp``: no solver iteration is stored.

    Parameters
    ----------
    log_x : Float[Tensor, "b n"]
        A root of `fixed_points` (log concentrations).
    """
    u = log_x.detach()
    activity, slope = model.activity_and_slope(u)
    balance = model.rate.log() - model.decay.log() + activity - u
    matrix = (torch.eye(model.genes, dtype=u.dtype, device=u.device) - slope).detach()
    return u + torch.linalg.solve(matrix, balance)
