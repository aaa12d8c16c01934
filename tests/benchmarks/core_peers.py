"""Train step of torch-mimicry and torchgan over ours, the same networks, data and optimizer on all sides.

Both packages ask for torchvision (and torch-mimicry for TensorFlow and a module of old torch), which would replace the
CPU build of torch, so they live in a folder of their own and the parts that a train step does not use are imported as
empty modules::

    pip install --no-deps --target build/peers torch-mimicry torchgan
    python tests/benchmarks/core_peers.py --peers build/peers

Their side is the losses' own train steps without their trainers' logging and checkpoints, which would only add time.
"""

import argparse
import sys
from collections.abc import Callable
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from unittest.mock import MagicMock

import torch
from _row import compare, row
from core_steps import engine
from torch import nn

from advsci.objectives import NonSaturating
from advsci.solvers import Alternating, Simultaneous, adam

BATCH, LATENT, WIDTH = 16, 128, 32
UNUSED = ("torchvision", "tensorflow", "torch._six", "torch.utils.tensorboard", "skimage", "visdom")


class Unused(MetaPathFinder, Loader):
    """Empty modules for what the peers import and a train step never calls."""

    def find_spec(self, fullname, path=None, target=None):
        return ModuleSpec(fullname, self, is_package=True) if fullname.startswith(UNUSED) else None

    def create_module(self, spec):
        module = ModuleType(spec.name)
        module.__getattr__ = lambda name: MagicMock()  # type: ignore[method-assign]
        return module

    def exec_module(self, module):
        pass


def networks() -> tuple[nn.Module, nn.Module]:
    """torch-mimicry's residual DCGAN for 32 x 32 images."""
    from torch_mimicry.nets import dcgan  # pyright: ignore[reportMissingImports]

    torch.manual_seed(0)
    return (
        dcgan.DCGANGenerator32(nz=LATENT, ngf=WIDTH, loss_type="ns"),
        dcgan.DCGANDiscriminator32(ndf=WIDTH, loss_type="ns"),
    )


def optimizers(generator: nn.Module, discriminator: nn.Module) -> list[torch.optim.Optimizer]:
    return [torch.optim.Adam(n.parameters(), 1e-3, (0.0, 0.99), fused=True) for n in (generator, discriminator)]


def mimicry(x: torch.Tensor) -> Callable[[], None]:
    """Discriminator and generator step as its trainer calls them."""
    from torch_mimicry.training.metric_log import MetricLog  # pyright: ignore[reportMissingImports]

    generator, discriminator = networks()
    of_generator, of_discriminator = optimizers(generator, discriminator)
    real, device = (x, torch.zeros(len(x))), x.device

    def step() -> None:
        log = MetricLog()
        discriminator.train_step(
            real_batch=real, netG=generator, optD=of_discriminator, log_data=log, device=device, global_step=0
        )
        generator.train_step(
            real_batch=real, netD=discriminator, optG=of_generator, log_data=log, device=device, global_step=0
        )

    return step


def torchgan(x: torch.Tensor) -> Callable[[], None]:
    """Its two minimax losses' train steps."""
    from torchgan.losses import (  # pyright: ignore[reportMissingImports]
        MinimaxDiscriminatorLoss,
        MinimaxGeneratorLoss,
    )

    generator, discriminator = networks()
    of_generator, of_discriminator = optimizers(generator, discriminator)
    for net in (generator, discriminator):
        net.label_type, net.encoding_dims = "none", LATENT  # type: ignore[assignment]
    for_generator, for_discriminator = MinimaxGeneratorLoss(nonsaturating=True), MinimaxDiscriminatorLoss()

    def step() -> None:
        for_discriminator.train_ops(generator, discriminator, of_discriminator, x, x.device)
        for_generator.train_ops(generator, discriminator, of_generator, x.device, len(x))

    return step


def main(folder: str | None, rounds: int) -> None:
    """A row a package; null where the folder was not given."""
    if folder is None:
        for peer in ("torch-mimicry", "torchgan"):
            note = "not measured: --peers names no folder"
            row(f"train step, 32x32 conv GAN: {peer} / engine", None, 1.3, "higher", unit="ratio", peer=peer, note=note)
        return
    sys.meta_path.insert(0, Unused())
    sys.path.append(folder)
    x = torch.rand(BATCH, 3, 32, 32) * 2 - 1
    rules = {
        "alternating": Alternating(adam()),
        "alternating, compiled": Alternating(adam(), compile=True),
        "simultaneous, compiled": Simultaneous(adam(), compile=True),
    }
    ours = [engine(networks, x, LATENT, rule, NonSaturating(), ()) for rule in rules.values()]
    seconds = compare(mimicry(x), torchgan(x), *ours, rounds=rounds)
    middle = [sorted(part)[len(part) // 2] for part in seconds]
    for peer, time in zip(("torch-mimicry", "torchgan"), middle, strict=False):
        for rule, own in zip(rules, middle[2:], strict=True):
            row(f"train step, 32x32 conv GAN: {peer} / engine, {rule}", time / own, None, "higher", unit="ratio")
        fastest = min(middle[2:])
        note = f"fastest rule: {list(rules)[middle[2:].index(fastest)]}; its DCGAN nets of width {WIDTH}, batch {BATCH}"
        value = time / fastest
        row(f"train step, 32x32 conv GAN: {peer} / engine", value, 1.3, "higher", unit="ratio", peer=peer, note=note)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peers", help="folder with torch-mimicry and torchgan")
    given = parser.parse_args()
    torch.set_num_threads(1)
    main(given.peers, 3 if given.quick else 11)
