"""``make bench-images``: every figure of the image systems, one JSON object a line, beside the adversary switched off.

``--only WORD`` runs the parts whose name contains the word, ``--seeds N`` sets the repetitions, ``--first N`` the first
seed, so that seeds can be run one by one; ``--quick`` takes few steps: the figures then say only that everything runs.
"""

import argparse

import torch
from _images_adapt import adapt_rows, aligned_rows, painted_rows
from _images_caption import caption_rows
from _images_compare import compare_rows
from _images_direction import direction_rows
from _images_generate import dimension_rows, few_rows, rare_rows
from _images_losses import loss_rows
from _images_translate import dose_rows, flip_rows, ink_rows, stain_rows
from _images_upscale import upscale_rows

PARTS = {
    "dimension": dimension_rows,
    "adapt": adapt_rows,
    "painted": painted_rows,
    "aligned": aligned_rows,
    "stain": stain_rows,
    "flip": flip_rows,
    "dose": dose_rows,
    "inks": ink_rows,
    "upscale": upscale_rows,
    "rare": rare_rows,
    "few": few_rows,
    "compare": compare_rows,
    "caption": caption_rows,
    "losses": loss_rows,
    "directions": direction_rows,
}


def main() -> None:
    """Run the parts that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name, part in PARTS.items():
        if given.only in name:
            count = 1 if given.quick else given.seeds
            part(range(given.first, given.first + count), 0.02 if given.quick else 1.0)


if __name__ == "__main__":
    main()
