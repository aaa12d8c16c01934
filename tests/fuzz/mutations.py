"""Deterministic damage to a file: what interrupted copies, broken disks and hostile authors do."""

import random

__all__ = ["mutated"]

_EXTREMES = [b"\x00" * 4, b"\xff" * 4, b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\xff" * 8, b"\x00" * 8]
_WORDS = [
    b"1e999",
    b"-1",
    b"NaN",
    b"9" * 400,
    b"0",
    b"",
    b"(" * 300,
    b"[" * 3000,
    b"{",
    b'"',
    b"\x00",
    b"../../x",
    b"$a$",
]


def mutated(content: bytes, seed: int) -> bytes:
    """The content with one to three kinds of damage.

    Parameters
    ----------
    content
        A sound file.
    seed
        Which damage; equal seeds damage equally.
    """
    rng = random.Random(seed)
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        rng.choice(_KINDS)(changed, rng)
    return bytes(changed)


def _flip(content: bytearray, rng: random.Random) -> None:
    for _ in range(rng.choice((1, 4, 32))):
        if content:
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def _near_the_start(content: bytearray, rng: random.Random) -> None:
    if content:
        content[rng.randrange(min(len(content), 256))] = rng.randrange(256)


def _cut(content: bytearray, rng: random.Random) -> None:
    del content[rng.randrange(len(content) + 1) :]


def _zeros(content: bytearray, rng: random.Random) -> None:
    start, size = rng.randrange(len(content) + 1), rng.choice((8, 64, 4096))
    content[start : start + size] = bytes(len(content[start : start + size]))


def _extreme(content: bytearray, rng: random.Random) -> None:
    start, value = rng.randrange(len(content) + 1), rng.choice(_EXTREMES)
    content[start : start + len(value)] = value


def _word(content: bytearray, rng: random.Random) -> None:
    start, size = rng.randrange(len(content) + 1), rng.randrange(8)
    content[start : start + size] = rng.choice(_WORDS)


def _number(content: bytearray, rng: random.Random) -> None:
    """Another number in the place of digits, as in headers of text."""
    places = [i for i, byte in enumerate(content[:20_000]) if 48 <= byte <= 57]
    if places:
        start = rng.choice(places)
        end = start
        while end < len(content) and 48 <= content[end] <= 57:
            end += 1
        content[start:end] = rng.choice((b"0", b"-1", b"1" + b"0" * 12, b"4294967296", b"1e400", b"7"))


def _twice(content: bytearray, rng: random.Random) -> None:
    start, size = rng.randrange(len(content) + 1), rng.choice((16, 256, 4096))
    content[start:start] = content[start : start + size] * rng.choice((1, 3))


def _lost(content: bytearray, rng: random.Random) -> None:
    start = rng.randrange(len(content) + 1)
    del content[start : start + rng.choice((1, 16, 512))]


_KINDS = (_flip, _near_the_start, _cut, _zeros, _extreme, _word, _number, _twice, _lost)
