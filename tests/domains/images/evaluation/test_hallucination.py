"""Translations that invent, lose or swap are told from faithful ones."""

import pytest
import torch

from advsci.errors import DataError
from advsci_images.data.examples import held_out
from advsci_images.evaluation.hallucination import examine
from advsci_images.evaluation.scores import own_source, perceptual_distance, psnr, ssim
from advsci_images.game.players import Classifier

DIGITS = held_out("digits").images[:64]


def test_the_truth_has_nothing_to_warn_of():
    seen = examine(DIGITS, DIGITS)
    assert seen.invented == 0 and seen.missed == 0 and not seen.warnings()


def test_another_image_is_all_invention():
    seen = examine(DIGITS.roll(-1, 0), DIGITS)
    assert seen.invented > 0.8 and any("invents" in line for line in seen.warnings())


def test_an_added_lesion_is_invented_and_an_erased_stroke_is_missed():
    added, erased = DIGITS.clone(), DIGITS.clone()
    added[:, :, 2:7, 2:7] = 1.0
    erased[:, :, :14] = -1.0
    assert examine(added, DIGITS).invented > 0.3 > examine(added, DIGITS).missed
    assert examine(erased, DIGITS).missed > 0.2 > 0.1 > examine(erased, DIGITS).invented


def test_noise_of_five_percent_is_no_warning():
    noisy = DIGITS + 0.05 * torch.randn(DIGITS.shape, generator=torch.Generator().manual_seed(0))
    assert not examine(noisy, DIGITS).warnings()


@pytest.mark.parametrize("kind", ["inverted", "exchanged"])
def test_swapped_colours_are_named(kind):
    truth = torch.cat([DIGITS, DIGITS.flip(3) * 0.5, -DIGITS], 1)
    made = -truth if kind == "inverted" else truth[:, [1, 0, 2]]
    (warning, *_) = examine(made, truth).warnings()
    assert "Colours are swapped" in warning
    assert ("the negative of" in warning) if kind == "inverted" else ("channel 0 of the truth is channel 1" in warning)


def test_a_slight_cast_of_faithful_colours_is_no_swap():
    truth = torch.cat([DIGITS, DIGITS, DIGITS], 1)  # channels of one kind: any of them maps onto any other
    seen = examine(0.9 * truth - 0.05, truth)
    assert seen.psnr_recoloured > seen.psnr + 4 and not seen.flipped and not seen.warnings()


def test_few_pairs_are_refused():
    with pytest.raises(DataError, match="at least 2 pairs"):
        examine(DIGITS[:1], DIGITS[:1])


def test_scores_have_their_closed_forms():
    x = torch.zeros(2, 1, 8, 8)
    assert psnr(x, x + 0.02).tolist() == pytest.approx([40.0, 40.0], abs=1e-3)
    assert ssim(DIGITS[:4], DIGITS[:4]).tolist() == pytest.approx([1.0] * 4)
    net = Classifier(1, (28, 28), 10)
    assert perceptual_distance(net, DIGITS[:4], DIGITS[:4]).tolist() == pytest.approx([0.0] * 4, abs=1e-6)


def test_recoloured_images_are_nearest_to_their_own_source():
    assert float(own_source(-DIGITS.expand(-1, 3, -1, -1), DIGITS)) == 1.0
    assert float(own_source(DIGITS.roll(1, 0), DIGITS)) < 0.1
