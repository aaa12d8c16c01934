"""Figures of the circuits domain, one JSON object a line.

Usage: ``python tests/benchmarks/circuits.py [--quick] [--only WORD,WORD] [--models FOLDER] [--seeds N] [--first K]``.
Models are trained once a seed into the folder (default runs/bench-circuits) and taken from there afterwards.
"""

import argparse
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from _circuits_completion import hidden_edges, wider_edges
from _circuits_design import best_twenty, budgets, front, missed_states
from _circuits_digraphs import digraphs
from _circuits_dynamics import agreement, bad_input, enumeration, facts, fixed_point_cost, throughput
from _circuits_function import best_designs, conditioned, searches
from _circuits_game import adversary
from _circuits_large import large, larger
from _circuits_links import network_links
from _circuits_models import Bench
from _circuits_onepass import one_pass
from _circuits_plausible import plausible
from _circuits_samples import distribution, speed
from _circuits_weight import adapting, weights
from _circuits_wider import wider_front_adaptation, wider_front_robust, wider_front_six
from _row import row

from advsci.errors import DataError

ROWS = (
    facts, enumeration, agreement, bad_input, fixed_point_cost, throughput, distribution, hidden_edges, speed,
    wider_edges, conditioned, best_designs, searches, front, budgets, best_twenty, missed_states, adversary, large,
    larger, network_links, plausible, one_pass, weights, adapting, digraphs, wider_front_robust, wider_front_six,
    wider_front_adaptation,
)  # fmt: skip


def main() -> None:
    """Print every figure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small data and a small model; the method is the same")
    parser.add_argument("--only", default="", help="run only functions whose name contains one of these, A,B,...")
    parser.add_argument("--models", type=Path, help="folder of trained models, seed0/model.safetensors ...")
    parser.add_argument("--seeds", type=int, default=0, help="number of seeds (default 3, quick 1)")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    default = Path("runs") / ("bench-circuits-quick" if options.quick else "bench-circuits")
    seeds = options.seeds or (1 if options.quick else 3)
    bench = Bench(options.quick, options.models or default, tuple(range(options.first, options.first + seeds)))
    for function in ROWS:
        if any(word in function.__name__ for word in options.only.split(",")):
            begin = time.perf_counter()
            try:
                function(bench)
            except DataError as error:
                row(f"circuits/{function.__name__}", None, 0, note=str(error))
            print(f"{function.__name__}: {time.perf_counter() - begin:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
