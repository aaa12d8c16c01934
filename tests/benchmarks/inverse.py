"""``make bench-inverse``: every figure of the inverse problems, one JSON object a line.

The fixed problems (operators, test images, noisy data) are read from ``$ADVSCI_DATA/inverse/bench_problems.npz``; a row
whose data or weights are missing is not met and says so. ``--quick`` takes fewer images, never another method.
``--only WORD`` runs the parts whose name contains the word.
"""

import argparse

import torch
from _inverse_choice import choosing_rows
from _inverse_ct import ct_rows, transfer_rows
from _inverse_diffusion import diffusion_parts
from _inverse_digits import ambient_rows, bora_rows, choice_rows, digit_rows, monotone_rows, range_row
from _inverse_fixed import Fixed, folder
from _inverse_gan_prior import gan_prior_rows
from _inverse_gaussian import gaussian_rows
from _inverse_large import large_rows
from _inverse_large_learned import large_learned_rows
from _inverse_operators import operator_rows, small_sparse_row
from _inverse_own import newcomer_rows
from _inverse_posterior import posterior_parts
from _inverse_posterior_ct import posterior_ct_parts
from _inverse_trust import kind_rows, lesion_rows, verdict_rows
from _posterior_task import Budget
from _row import row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--measurements", type=int, nargs="+", default=[25, 50, 100], help="of digits, posterior")
    parser.add_argument("--steps", type=int, default=400, help="of a posterior sampler's training")
    parser.add_argument("--seeds", type=int, default=3, help="of the posterior samplers")
    options = parser.parse_args()
    torch.set_num_threads(1)
    parts = {"operators": lambda: operator_rows(options.quick), "sparse": small_sparse_row}
    parts["large, learned"] = lambda: large_learned_rows(options.quick)
    if folder() is None:
        row("fixed problems", None, 0, note="ADVSCI_DATA has no inverse/bench_problems.npz")
    else:
        fixed, budget = Fixed(options.quick), Budget(steps=options.steps, seeds=options.seeds)
        needing = {
            "range": range_row,
            "digits": digit_rows,
            "choice": choice_rows,
            "monotone": monotone_rows,
            "bora": bora_rows,
            "ct": ct_rows,
            "transfer": transfer_rows,
            "verdict": verdict_rows,
            "lesion": lesion_rows,
            "kind": kind_rows,
            "ambient": ambient_rows,
            **{k: v for m in options.measurements for k, v in posterior_parts(m, budget).items()},
            **{k: v for m in options.measurements for k, v in diffusion_parts(m, budget).items()},
            **posterior_ct_parts(budget),
            "gaussian": lambda f, q: gaussian_rows(f, q, options.seeds),
            "generator": gan_prior_rows,
            "large": large_rows,
            "own matrix": newcomer_rows,
            "ten operators": choosing_rows,
        }
        parts |= {name: lambda f=function: f(fixed, options.quick) for name, function in needing.items()}
    for name, part in parts.items():
        if options.only in name:
            part()


if __name__ == "__main__":
    main()
