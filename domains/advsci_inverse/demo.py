"""The demo: a small GAN prior trained on real digits, then held-out ones from few views and from few measurements."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from advsci.report import Report
    from advsci_inverse.config import Method

__all__ = ["demo"]


def demo(report: "Report", out: Path, quick: bool) -> Path:
    """Train on the embedded digits and compare; adds a section to the page.

    Parameters
    ----------
    report
        The demo's page.
    out
        Folder of this part.
    quick
        Fewer steps and images.

    Returns
    -------
    Path
        The page of the training.
    """
    from advsci.cli import execute
    from advsci_inverse.commands import compare, train
    from advsci_inverse.config import Compare, OperatorSpec, Train
    from advsci_inverse.data.images import load_training_images
    from advsci_inverse.data.measurement import checked_size
    from advsci_inverse.evaluation.pictures import gallery
    from advsci_inverse.operators import build_operator
    from advsci_inverse.store import Learned, load_prior, read_card

    recipe = Train(data="digits", steps=40 if quick else 450, held_out=200 if quick else 1000, out=out / "prior")
    path = execute(train.run, recipe, name="inverse-train")
    prior, card = load_prior(path), read_card(path)
    training, held, _ = load_training_images("digits")
    report.section(
        "Inverse problems",
        f"A generator with {card['networks']['latent']} latent dimensions was trained against a discriminator on "
        f"{card['data']['training_images']:,} handwritten digits, then used as a prior for held-out ones: CT with 3 "
        "views and 80 random measurements of 784 pixels, 1 % noise. Total variation overtakes so short a training "
        "from a few more views on.",
    )
    report.card("Representation error", card["representation_error"], note="digits outside the training set")
    tasks: dict[str, tuple[OperatorSpec, list[Method]]] = {
        "CT, 3 views": (OperatorSpec(kind="radon", views=3), ["fbp", "tv", "latent"]),
        "80 random measurements": (
            OperatorSpec(kind="gaussian", measurements=80),
            ["cgls", "tv", "gaussian", "latent"],
        ),
    }
    for title, (spec, methods) in tasks.items():
        config = Compare(
            operator=spec, methods=methods, device="cpu", images=8 if quick else 24, validation=4 if quick else 8
        )
        operator = build_operator(checked_size(spec, tuple(training.shape[1:]), "images"))
        rows, results, truth = compare.compare(operator, held, training, Learned(prior), config)
        (out / f"{spec.kind}.json").write_text(json.dumps(rows, indent=2))
        report.subsection(title).table(rows, best={"PSNR [dB]": "higher", "SSIM": "higher"})
        report.figure(gallery({"truth": truth, **{name: r.mean for name, r in results.items()}}), f"{title}: digits.")
        best = next(row for row in rows if row["method"] == "latent")
        rival = next(row for row in rows if row["method"] == "tv")
        report.card(f"PSNR, {title} [dB]", best["PSNR [dB]"], note=f"total variation: {rival['PSNR [dB]']:.1f}")
    return out / "prior" / "report.html"
