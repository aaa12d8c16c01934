"""Can a reconstruction be trusted: intervals, images of another kind, planted lesions."""

import torch
from _inverse_fixed import Fixed
from _row import row

from advsci.streams import Stream
from advsci_inverse.data.noise import Gaussian
from advsci_inverse.evaluation.scores import auroc, coverage
from advsci_inverse.game.observing import learn_details
from advsci_inverse.operators import Radon, equispaced_angles
from advsci_inverse.search.latent import LatentSearch
from advsci_inverse.store import load_prior, load_refiner, shipped
from advsci_inverse.uncertainty import (
    Evidence,
    KindTest,
    Look,
    Observer,
    disc_templates,
    interval_factor,
    matched_residual,
    residual_over_noise,
)

__all__ = ["kind_rows", "lesion_rows", "verdict_rows"]


def verdict_rows(fixed: Fixed, quick: bool) -> None:
    prior = load_prior("digits")
    n = 40 if quick else 200
    own = fixed.images("mnist28", "x_test")[-n:]
    foreign = fixed.images("fashion28", "x_test")[:n]
    operator, sigma = fixed.sensing(100), 0.01
    search = LatentSearch(prior, operator, sigma)
    misfits = [search(Gaussian(sigma).sample(operator(x), Stream(k))).misfit for k, x in enumerate((own, foreign))]
    row(
        "out of range, Fashion against a digit prior, AUROC",
        auroc(*misfits),
        0.95,
        "higher",
        note=f"{n} images of each",
    )
    found = search(Gaussian(sigma).sample(operator(own), Stream(0)))
    held = fixed.images("mnist28")[-3000:-2800]
    other = search(Gaussian(sigma).sample(operator(held), Stream(9)))
    half = interval_factor(held, other.mean, other.deviation) * found.deviation
    covered = float(coverage(found.mean - half, found.mean + half, own))
    row(
        "pixel intervals at 90 %, distance of the coverage from 0.90", abs(covered - 0.9), 0.03,
        note=f"{covered:.3f}; calibrated on {len(held)} images held out of the training",
    )  # fmt: skip


def lesion_rows(fixed: Fixed, quick: bool) -> None:
    """Discs whose contrast is three sigma in the strongest datum, planted in half of the digits seen by 20 views.

    The score of an image is its largest matched filter over all places, or what an observer says that learned such
    discs in training images. The false-alarm rate of a threshold is that of images without a lesion; the area under the
    curve needs no threshold.
    """
    prior = load_prior("digits")
    n = 20 if quick else 100
    images = fixed.images("mnist28", "x_test")[-3 * n :]
    operator = Radon(28, equispaced_angles(20))
    sigma = 0.01 * float(operator(images).square().mean().sqrt())
    search = LatentSearch(prior, operator, sigma)
    templates = disc_templates((28, 28), 1.5, stride=2)
    strength = 3 * sigma / operator(templates).flatten(1).amax(1)
    index = Stream(3).integers(len(templates), (n,))
    lesion = strength[index, None, None] * templates[index]
    white = sigma * torch.eye(operator.data_size)
    learned = fixed.images("mnist28")[: 2000 if quick else 57000]
    with Stream(0).at("observer").seeded():
        observer = Observer(operator, sigma, learned[:6000], strength[:, None, None] * templates, width=24)
    observer = learn_details(observer, operator, sigma, learned, 30 if quick else 1500)

    def scores(x: torch.Tensor, k: int) -> dict[str, torch.Tensor]:
        y = Gaussian(sigma).sample(operator(x), Stream(k))
        found = search(y)
        left, beyond = y - operator(found.mean), y - operator(found.projection)
        return {
            "residual of the reconstruction": matched_residual(operator, left, white, templates)[0],
            "what the range leaves, whitened by the prior": matched_residual(
                operator, beyond, search.factor, templates
            )[0],
            "learned observer": observer.ratio(y).detach(),
            "interval": ((found.mean - found.projection).abs() / found.deviation).flatten(1).amax(1),
        }

    more = fixed.images("mnist28", "x_test")[: 4 * n if quick else 2000]
    half = len(more) // 2
    place = Stream(4).integers(len(templates), (half,))
    added = torch.cat([torch.zeros(half, 28, 28), strength[place, None, None] * templates[place]])
    with torch.no_grad():
        ratio = observer.ratio(Gaussian(sigma).sample(operator(more + added), Stream(5)))
    row(
        "lesions of 3 sigma, planted or not, AUROC: learned observer, more images",
        auroc(ratio[:half], ratio[half:]), 0.95, "higher", note=f"{half} of each, other ones",
    )  # fmt: skip
    thresholds = {name: float(v.quantile(0.95)) for name, v in scores(images[:n], 1).items()}
    without, planted = scores(images[n : 2 * n], 2), scores(images[2 * n :] + lesion, 3)
    for name, threshold in thresholds.items():
        false = float((without[name] > threshold).float().mean())
        row(
            f"lesions of 3 sigma, planted or not, AUROC: {name}", auroc(without[name], planted[name]), 0.95, "higher",
            note=f"{float((planted[name] > threshold).float().mean()):.2f} found at {false:.2f} false alarms "
            f"(threshold from {n} other images); {n} of each",
        )  # fmt: skip


def kind_rows(fixed: Fixed, quick: bool) -> None:
    """The verdict of every method: head CT by the refiner, and images of other kinds put before it."""
    if "head-ct-refiner" not in shipped():
        return
    refiner = load_refiner("head-ct-refiner")
    train, test = fixed.images("headct64")[:6497], fixed.images("headct64", "x_test")
    step = 24 if quick else 4
    held, own = fixed.images("headct64")[6497::step], test[::step]
    phantoms = fixed.images("ellipses64", "x_test")[: len(own)]
    layers = fixed.images("velocity64", "x_test")[: len(own)]
    kinds = {"phantoms": phantoms, "layers": layers, "heads, inverted": (1 - own) * (own > 0.02)}
    kinds["heads, upside down"] = own.flip(-2)
    kinds |= {"heads, turned": own.rot90(1, (-2, -1)), "heads at half contrast": 0.5 * own}
    away = Look(train[:: 10 if quick else 2])
    for views in (10,) if quick else (10, 20):
        operator = Radon(64, equispaced_angles(views), 95)
        sigma = 0.01 * float(operator(held).square().mean().sqrt())
        evidence = Evidence(operator, sigma, train[:: 10 if quick else 2])
        plan = refiner.plan(operator, sigma)

        def statistics(x: torch.Tensor, k: int, o=operator, e=evidence, p=plan, s=sigma):
            y = Gaussian(s).sample(o(x), Stream(k))
            found = refiner.reconstruct(p, y)[0]
            return e(y), residual_over_noise(o, found, y, s), away(found)

        test_of = KindTest(torch.stack(statistics(held, 1)))
        mine = test_of.share(*statistics(own, 2))
        row(
            f"kind, {views} views: other heads that are called strange", float((mine <= 0.05).float().mean()),
            0.08, note=f"{len(own)} test slices; threshold from {len(held)} held-out slices",
        )  # fmt: skip
        for k, (name, x) in enumerate(kinds.items()):
            theirs = statistics(x, 3 + k)
            areas = [auroc(a, b) for a, b in zip(statistics(own, 2), theirs, strict=True)]
            called = float((test_of.share(*theirs) <= 0.05).float().mean())
            row(
                f"kind, {views} views: {name} against heads, AUROC", max(areas), 0.95, "higher",
                note=f"evidence {areas[0]:.3f}, residual {areas[1]:.3f}, look {areas[2]:.3f}; "
                f"{called:.2f} called strange",
            )  # fmt: skip
