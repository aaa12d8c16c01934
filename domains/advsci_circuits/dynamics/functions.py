"""What a circuit is for: one verdict a model and function, from steady states and, only where needed, trajectories.

A model shows

* multistability: two (three) or more attracting steady states
* oscillation: the set of steady states is complete and none attracts: the bounded box then holds a sustained cycle
* adaptation: after the input steps 0.5 -> 0.6: sensitivity over 0.2 and precision over 10
* pulse: after the input steps 1 -> 10: the peak is twice both the start and the end
* band-pass: over four decades of input the output peaks inside, twice both ends
* memory: after a transient tenfold input the output stays changed by a factor of two
* homeostasis: tenfold input changes the output by under 10 %, though the input reaches it
* ``logic:0001``: the output follows a truth table (`advsci_circuits.dynamics.logic`)
* ``reward:NAME``: a user's own function of the trajectory (`advsci_circuits.dynamics.reward`)

The input multiplies the production of one gene, another is the output; `INPUT` and `OUTPUT` are the first and last gene
unless told. Adaptation after Ma et al. 2009 (https://doi.org/10.1016/j.cell.2009.06.013), whose sensitivity over one
is for enzymes: transcription in RACIPE's ranges rarely amplifies a step, so `SENSITIVITY` is lower and `adaptation`
returns both numbers.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from advsci.errors import ConfigError
from advsci.streams import Stream
from advsci_circuits.dynamics.explicit import integrate
from advsci_circuits.dynamics.fixed_points import fixed_points
from advsci_circuits.dynamics.hill import HillModel
from advsci_circuits.dynamics.logic import follows_table, inputs_of
from advsci_circuits.dynamics.reward import rewarded, rewards
from advsci_circuits.dynamics.settling import settle

__all__ = [
    "FUNCTIONS", "Oscillation", "adaptation", "check_function", "is_directed", "oscillation", "response", "shows",
    "step_response",
]  # fmt: skip

FUNCTIONS = (
    "oscillation", "bistability", "tristability", "adaptation", "pulse", "band-pass", "memory", "homeostasis",
)  # fmt: skip

SENSITIVITY, PRECISION = 0.2, 10.0
LOGIC, REWARD = "logic:", "reward:"


@dataclass(frozen=True)
class Oscillation:
    """Period (time between rises through the mean), relative amplitude ((max - min) / (max + min)) and regularity."""

    period: Float[Tensor, " b"]
    amplitude: Float[Tensor, " b"]
    cycles: Int[Tensor, " b"]


def oscillation(
    model: HillModel, start: Float[Tensor, "b n"], end: float = 400.0, points: int = 801, gene: int = 0
) -> Oscillation:
    """Period and amplitude of one gene over the second half of a trajectory; an infinite period: no two rises.

    Parameters
    ----------
    model
        The kinetics.
    start
        Initial concentrations.
    end
        End of the trajectory; its second half counts.
    points
        Output times.
    """
    times = torch.linspace(0, end, points, dtype=start.dtype, device=start.device)
    x = integrate(model.field(), start, times)[:, points // 2 :, gene]
    high, low = x.amax(1), x.amin(1)
    centred = x - x.mean(1, keepdim=True)
    before, after = centred[:, :-1], centred[:, 1:]
    rise = (before < 0) & (after >= 0)
    grid = times[points // 2 : -1] + (times[1] - times[0]) * before.abs() / (before.abs() + after.abs()).clamp_min(
        1e-300
    )
    first = torch.where(rise, grid, torch.inf).amin(1)
    last = torch.where(rise, grid, -torch.inf).amax(1)
    cycles = rise.sum(1)
    period = torch.where(cycles > 1, (last - first) / (cycles - 1).clamp_min(1), torch.inf)
    return Oscillation(period, (high - low) / (high + low), cycles)


def step_response(
    model: HillModel, source: int, before: float, after: float, times: Float[Tensor, " t"]
) -> tuple[Float[Tensor, "b n"], Float[Tensor, "b t n"], Bool[Tensor, " b"]]:
    """Steady state under the first input, trajectory after the step, and whether the steady state was reached.

    Parameters
    ----------
    model
        The kinetics.
    source
        Place of the input gene.
    before
        Input before the step.
    times
        Increasing times, the first that of the start.
    """
    low = model.scale_rate(source, before)
    start, reached = settle(low, low.rate / low.decay)
    return start, integrate(model.scale_rate(source, after).field(), start, times, rtol=1e-5, atol=1e-8), reached


def adaptation(
    model: HillModel, source: int = 0, output: int = -1, before: float = 0.5, after: float = 0.6
) -> tuple[Float[Tensor, " b"], Float[Tensor, " b"]]:
    """Sensitivity ``|dO_peak/O| / |dI/I|`` and precision ``|dI/I| / |dO_end/O|``; 0 where no steady state is reached.

    The end is the exact new steady state, not the last time point; trajectories run only where precision is over 1.

    Parameters
    ----------
    model
        The kinetics.
    source
        Place of the input gene.
    output
        Place of the output gene.
    before
        Input before the step.
    after
        Input after it.
    """
    relative = (after - before) / before
    low, high = model.scale_rate(source, before), model.scale_rate(source, after)
    start, reached = settle(low, low.rate / low.decay)
    end, arrived = settle(high, start)
    base = start[:, output]
    precision = relative / ((end[:, output] - base).abs() / base).clamp_min(1e-9)
    fine = reached & arrived
    sensitivity = torch.zeros_like(base)
    look = (fine & (precision > 1)).nonzero()[:, 0]
    if len(look):
        longest = 12 / float(model.decay.min())
        times = torch.linspace(0, longest, 121, dtype=base.dtype, device=base.device)
        path = integrate(high[look].field(), start[look], times, rtol=1e-5, atol=1e-8)[:, :, output]
        peak = (path - base[look, None]).abs().amax(1) / base[look] / relative
        sensitivity = sensitivity.index_copy(0, look, peak)
    return sensitivity, torch.where(fine, precision, 0.0)


def response(
    model: HillModel, inputs: Float[Tensor, " i"], source: int = 0, output: int = -1
) -> tuple[Float[Tensor, "b i"], Bool[Tensor, " b"]]:
    """Steady output at each input, the state carried from one input to the next, and whether all were reached.

    Parameters
    ----------
    model
        The kinetics.
    inputs
        Factors of the input gene's production, in the order they are applied.
    source
        Place of the input gene.
    """
    state, fine, outputs = model.rate / model.decay * 0.5, None, []
    for value in inputs.tolist():
        state, reached = settle(model.scale_rate(source, value), state)
        fine = reached if fine is None else fine & reached
        outputs.append(state[:, output])
    assert fine is not None
    return torch.stack(outputs, 1), fine


def check_function(function: str, genes: int) -> None:
    """Refuse a function that nothing can be judged by, before anything is simulated.

    Parameters
    ----------
    function
        One of `FUNCTIONS`, ``"logic:"`` and a truth table, or ``"reward:"`` and the name of an entry point.
    genes
        Genes of the smallest circuit that is to show it.

    Raises
    ------
    ConfigError
        On an unknown function or reward, or a table that is none or has more inputs than there are genes for.
    """
    if function.startswith(LOGIC):
        inputs = inputs_of(function.removeprefix(LOGIC))
        if inputs >= genes:
            raise ConfigError(
                f"got a truth table of {inputs} inputs for {genes} genes; expected an output beside them. Try: "
                f"--min-genes {inputs + 1} --max-genes {inputs + 2}."
            )
    elif function.startswith(REWARD):
        rewards(function.removeprefix(REWARD))
    elif function not in FUNCTIONS:
        raise ConfigError(
            f"got the function '{function}'; expected one of {', '.join(FUNCTIONS)}, logic:TABLE or reward:NAME. Try: "
            "oscillation."
        )


def is_directed(function: str) -> bool:
    """Whether a function knows an input and an output, so that the places of the genes matter.

    Parameters
    ----------
    function
        The function.
    """
    return function not in ("oscillation", "bistability", "tristability")


def shows(
    function: str,
    model: HillModel,
    stream: Stream,
    source: int = 0,
    output: int = -1,
    starts: int = 14,
    confirm: int = 0,
) -> Bool[Tensor, " b"]:
    """Whether each model shows the function (see the table above).

    Parameters
    ----------
    stream
        Where the draws come from.
    source
        Place of the input gene.
    output
        Place of the output gene.
    starts
        Starts of the search for steady states.
    confirm
        Further rounds of that search, of all models.

    Raises
    ------
    ConfigError
        On an unknown function.
    """
    if function.startswith(LOGIC):
        return follows_table(model, function.removeprefix(LOGIC), output)
    if function.startswith(REWARD):
        return rewarded(model, function.removeprefix(REWARD))
    if function in ("oscillation", "bistability", "tristability"):
        points = fixed_points(model, stream, starts=starts, confirm=confirm)
        if function == "oscillation":
            return points.none_stable
        return points.stable_count >= (2 if function == "bistability" else 3)
    if function == "adaptation":
        sensitivity, precision = adaptation(model, source, output)
        return (sensitivity > SENSITIVITY) & (precision > PRECISION)
    if function == "pulse":
        times = torch.linspace(0, 12 / float(model.decay.min()), 121, dtype=model.rate.dtype, device=model.rate.device)
        start, path, reached = step_response(model, source, 1.0, 10.0, times)
        peak, end = path[:, :, output].amax(1), path[:, -1, output]
        return reached & (peak > 2 * start[:, output]) & (peak > 2 * end)
    if function == "band-pass":
        sweep = torch.logspace(-2, 2, 9, dtype=model.rate.dtype, device=model.rate.device)
        levels, reached = response(model, sweep, source, output)
        return reached & (levels[:, 1:-1].amax(1) > 2 * torch.maximum(levels[:, 0], levels[:, -1]))
    if function == "memory":
        start, first = settle(model, model.rate / model.decay * 0.5)
        pushed, second = settle(model.scale_rate(source, 10.0), start)
        end, third = settle(model, pushed)
        change = (end[:, output] / start[:, output]).log().abs()
        return first & second & third & (change > 0.6931)
    if function == "homeostasis":
        start, first = settle(model, model.rate / model.decay * 0.5)
        pushed, second = settle(model.scale_rate(source, 10.0), start)
        change = (pushed[:, output] / start[:, output] - 1).abs()
        # a circuit through which no signal passes is not homeostatic: the input must move the output on the way
        return first & second & (change < 0.1) & (change > 1e-6)
    raise ConfigError(
        f"got the unknown function '{function}'; expected one of {', '.join(FUNCTIONS)}. Try: oscillation."
    )
