"""Images from images: adapt classifiers, translate, enlarge, make and compare, each system beside its rivals."""

from typing import TYPE_CHECKING

from advsci.lazy import exports

if TYPE_CHECKING:
    from advsci_images.adapter import DomainAdapter as DomainAdapter
    from advsci_images.data.stack import Stack as Stack
    from advsci_images.data.stack import read_images as read_images
    from advsci_images.data.stack import write_images as write_images
    from advsci_images.evaluation.hallucination import examine as examine
    from advsci_images.evaluation.scores import perceptual_distance as perceptual_distance
    from advsci_images.evaluation.scores import psnr as psnr
    from advsci_images.evaluation.scores import ssim as ssim
    from advsci_images.game.cut import CUT as CUT
    from advsci_images.game.cyclegan import CycleGAN as CycleGAN
    from advsci_images.game.pix2pix import Pix2Pix as Pix2Pix
    from advsci_images.game.pixelda import PixelDA as PixelDA
    from advsci_images.game.srgan import SRGAN as SRGAN
    from advsci_images.game.stargan import StarGAN as StarGAN
    from advsci_images.game.training import Play as Play
    from advsci_images.systems.adapt import adapt as adapt
    from advsci_images.systems.directions import attribute_directions as attribute_directions
    from advsci_images.systems.directions import moved as moved
    from advsci_images.systems.paths import changed as changed
    from advsci_images.systems.translate import between_classes as between_classes
    from advsci_images.systems.translate import by_contrast as by_contrast
    from advsci_images.systems.translate import from_pairs as from_pairs
    from advsci_images.systems.translate import without_pairs as without_pairs
    from advsci_images.systems.upscale import enlarger as enlarger

__getattr__, __dir__, __all__ = exports(__name__)
