"""Scans as they come from instruments: each kind of file, what it states, and what must be refused by name."""

import numpy as np
import pytest

from advsci.errors import DataError, UnitError
from advsci_friction.data.concerns import concerns, slopes
from advsci_friction.data.levelling import flatten
from advsci_friction.data.scans import read_scan


@pytest.fixture(scope="module")
def h():
    """A periodic map of some nanometres, 24 x 32 pixels."""
    y, x = np.mgrid[:24, :32]
    waves = np.cos(2 * np.pi * (x / 32 + 2 * y / 24)) + 0.4 * np.cos(2 * np.pi * (3 * x / 32 - y / 24) + 1.0)
    return 3e-9 * waves


def save(path, **arrays):
    np.savez(path, **arrays)
    return path


def text(path, rows, separator=" ", comma=False, header="", form="{:.6e}"):
    lines = [separator.join(form.format(v) for v in row) for row in rows]
    body = "\n".join(lines)
    path.write_text(header + (body.replace(".", ",") if comma else body) + "\n")
    return path


def test_npz_states_size_as_one_length_or_two(tmp_path, h):
    scan = read_scan(save(tmp_path / "a.npz", heights=h, size=np.array([1e-6, 2e-6])))
    assert scan.size == (1e-6, 2e-6) and np.array_equal(scan.heights, h)
    assert read_scan(save(tmp_path / "b.npz", heights=h, size=np.array(1e-6))).size == (1e-6, 1e-6)


@pytest.mark.parametrize("size", [[-1e-6, 1e-6], [0.0, 1e-6], [np.nan, 1e-6]])
def test_a_size_that_is_no_length_is_refused(tmp_path, h, size):
    with pytest.raises(DataError, match="positive lengths"):
        read_scan(save(tmp_path / "a.npz", heights=h, size=np.array(size)))


def test_a_missing_size_is_asked_for_and_one_width_means_square_pixels(tmp_path, h):
    path = save(tmp_path / "a.npz", heights=h)
    with pytest.raises(UnitError, match="no physical size"):
        read_scan(path)
    assert read_scan(path, size="2 um").size == pytest.approx((1.5e-6, 2e-6))
    assert read_scan(path, size="2 um x 1 um").size == pytest.approx((1e-6, 2e-6))
    assert read_scan(path, size="2 x 1 um").size == pytest.approx((1e-6, 2e-6))


def test_what_the_file_states_is_not_replaced_in_silence(tmp_path, h):
    path = save(tmp_path / "a.npz", heights=h, size=np.array([1e-6, 2e-6]))
    assert read_scan(path, size="2 um x 1 um").size == pytest.approx((1e-6, 2e-6)), "the same size is no contradiction"
    with pytest.raises(UnitError, match="the file states 2e-06 x 1e-06"):
        read_scan(path, size="3 um")
    assert read_scan(path, size="3 um x 4 um", override=True).size == pytest.approx((4e-6, 3e-6))
    with pytest.raises(UnitError, match="the file states 'm'"):
        read_scan(path, height_unit="nm")
    assert np.allclose(read_scan(path, height_unit="nm", override=True).heights, 1e-9 * h)


def test_heights_that_cannot_be_metres(tmp_path, h):
    size = np.array([1e-6, 1e-6])
    with pytest.raises(DataError, match="less than ten times its width"):
        read_scan(save(tmp_path / "int.npz", heights=(1e12 * h).astype(np.int64), size=size))
    with pytest.raises(DataError, match="float16"):
        read_scan(save(tmp_path / "half.npz", heights=h.astype(np.float16), size=size))
    with pytest.raises(DataError, match="all equal"):
        read_scan(save(tmp_path / "flat.npz", heights=0.0 * h, size=size))


def test_npy_and_matrices_need_size_and_unit(tmp_path, h):
    np.save(tmp_path / "a.npy", 1e9 * h)
    text(tmp_path / "m.txt", 1e9 * h)
    text(tmp_path / "comma.csv", 1e9 * h, ",", form="{:.5f}")
    text(tmp_path / "decimal.txt", 1e9 * h, "\t", comma=True, form="{:.5f}")
    text(tmp_path / "semicolon.csv", 1e9 * h, ";", comma=True, form="{:.5f}")
    for name in ("a.npy", "m.txt", "comma.csv", "decimal.txt", "semicolon.csv"):
        with pytest.raises(UnitError, match="--height-unit"):
            read_scan(tmp_path / name, size="2 um")
        with pytest.raises(UnitError, match="--size"):
            read_scan(tmp_path / name, height_unit="nm")
        scan = read_scan(tmp_path / name, size="2 um x 1 um", height_unit="nm")
        assert scan.size == pytest.approx((1e-6, 2e-6)) and np.allclose(scan.heights, h, atol=1e-14)


def test_gwyddion_text_states_everything(tmp_path, h):
    head = "# Channel: Height\n# Width: 2.0 µm\n# Height: 1.0 µm\n# Value units: {}\n"
    scan = read_scan(text(tmp_path / "a.txt", 1e9 * h, header=head.format("nm")))
    assert scan.size == pytest.approx((1e-6, 2e-6)) and np.allclose(scan.heights, h)
    with pytest.raises(UnitError, match="'V', which is no length"):
        read_scan(text(tmp_path / "b.txt", 1e9 * h, header=head.format("V")))


@pytest.mark.parametrize("header", ["X,Y,Z\n", ""])
def test_points_on_a_grid_with_positions_in_one_unit_and_heights_in_another(tmp_path, h, header):
    y, x = np.mgrid[:24, :32]
    rows = np.stack([x.ravel() / 16, y.ravel() / 24, 1e9 * h.ravel()], 1)
    path = text(tmp_path / "points.csv", rows, ",", header=header, form="{:.6f}")
    scan = read_scan(path, length_unit="um", height_unit="nm")
    assert scan.size == pytest.approx((1e-6, 2e-6), rel=1e-4) and np.allclose(scan.heights, h, atol=1e-14)
    with pytest.raises(UnitError, match="--length-unit"):
        read_scan(path, height_unit="nm")
    with pytest.raises(DataError, match="regular grid"):
        read_scan(text(tmp_path / "holes.csv", rows[:-3], ",", form="{:.6f}"), length_unit="um", height_unit="nm")


@pytest.mark.parametrize(
    "content, why",
    [
        ("", "empty file"),
        ("hello world\nthis is text\n", "no reader"),
        ("1 2 3 4\n5 6 Bad_ 8\n9 1 2 3\n", "line 2: got 'Bad_'"),
        ("1 2 3 4\n5 6 7\n", "line 2: got 3 values"),
        ("0.0 1.0\n0.1 2.0\n0.2 1.0\n", "profile"),
    ],
)
def test_text_that_is_no_map(tmp_path, content, why):
    pytest.importorskip("SurfaceTopography")
    path = tmp_path / "a.txt"
    path.write_text(content)
    with pytest.raises(DataError, match=why):
        read_scan(path, size="1 um", height_unit="nm")
    with pytest.raises(DataError, match="no file"):
        read_scan(tmp_path / "missing.txt")


def test_undefined_pixels(tmp_path, h):
    tilted = h + 1e-9 * np.mgrid[:24, :32][1]
    broken = tilted.copy()
    broken[:3, 4:8] = np.nan
    path = save(tmp_path / "a.npz", heights=broken, size=np.array([1e-6, 2e-6]))
    with pytest.raises(DataError, match="12 undefined pixels of 768.*--fill 0.02"):
        read_scan(path)
    with pytest.raises(DataError, match="12 undefined"):
        read_scan(path, fill=0.01)
    scan = read_scan(path, fill=0.02, level="plane")
    assert scan.filled == pytest.approx(12 / 768) and np.isfinite(scan.heights).all()
    whole = read_scan(save(tmp_path / "b.npz", heights=tilted, size=np.array([1e-6, 2e-6])), level="plane").heights
    assert np.abs(scan.heights - whole).max() < 0.6 * np.ptp(whole)
    words = "\n".join(
        " ".join("bad" if (i, j) == (2, 3) else f"{v:.4f}" for j, v in enumerate(r)) for i, r in enumerate(1e9 * h)
    )
    (tmp_path / "words.txt").write_text(words)
    with pytest.raises(DataError, match="1 undefined pixels"):
        read_scan(tmp_path / "words.txt", size="1 um", height_unit="nm")


def test_levelling_and_inversion(tmp_path, h):
    y, x = np.mgrid[-1:1:24j, -1:1:32j]
    wanted = read_scan(save(tmp_path / "a.npz", heights=h, size=np.array(1e-6)), level="plane").heights
    for name, added in (("plane", 2e-7 * x - 1e-7 * y), ("parabola", 2e-7 * x**2 + 1e-7 * x * y)):
        path = save(tmp_path / "b.npz", heights=h + added, size=np.array(1e-6))
        found = read_scan(path, level=name).heights
        assert np.abs(found - wanted).max() < (1e-15 if name == "plane" else 2e-9)
    jumps = h + 1e-8 * np.random.default_rng(0).normal(size=(24, 1))
    found = read_scan(save(tmp_path / "c.npz", heights=jumps, size=np.array(1e-6)), level="lines").heights
    assert found.std() < 1.2 * wanted.std()
    upside = read_scan(save(tmp_path / "d.npz", heights=-h, size=np.array(1e-6)), level="plane", invert=True).heights
    assert np.allclose(upside, wanted)


def test_concerns_name_what_is_wrong(h):
    size, x = (1e-6, 1e-6), np.mgrid[-1:1:24j, -1:1:32j][1]
    assert concerns(h, size) == []
    assert "--flatten parabola" in concerns(h + 1e-7 * x**2, size)[0]
    jumps = h + 3e-8 * np.random.default_rng(0).normal(size=(24, 1))
    assert any("--flatten lines" in c for c in concerns(jumps, size))
    dust = h.copy()
    dust[5, 7] = 5e-7
    assert any("1 pixels stand out" in c for c in concerns(dust, size))
    assert any("--invert" in c for c in concerns(-1e-9 * np.exp(1e9 * h), size))
    assert any("two levels" in c for c in concerns(h + 1e-7 * (x > 0), size))
    y = np.arange(24)[:, None]
    for step in (1e-7 * (np.arange(32) > 20) + 0.0 * y, 1e-7 * (y > 9) + 0.0 * h):
        hidden = flatten(h + step, "plane")  # levelling tilts both sides, and each alone looks like a slope
        assert any("two levels 1e-07 m apart" in c for c in concerns(hidden, size))
    assert not any("two levels" in c for c in concerns(h + 1e-8 * np.arange(32), size)), "a tilt is no step"
    assert any("small slopes" in c for c in concerns(1e3 * h, size))
    steep = np.cumsum(np.ones((24, 32)), 1) * 1e-9
    assert any("edges do not meet" in c for c in concerns(steep, size))


def test_both_slopes_of_a_periodic_map_agree():
    x = 2 * np.pi * np.arange(256) / 256
    h = 1e-9 * np.cos(x)[None, :] * np.cos(x)[:, None]
    spectral, differences = slopes(h, (1e-6, 1e-6))
    assert spectral == pytest.approx(2e-3 * np.pi * np.sqrt(0.5), rel=1e-9)
    assert differences == pytest.approx(spectral, rel=1e-2)


def test_instrument_files_keep_sizes_units_and_channels(tmp_path, h):
    library = pytest.importorskip("SurfaceTopography")
    library.Topography(1e9 * h.T, (2000.0, 1000.0), unit="nm").to_netcdf(str(tmp_path / "a.nc"))
    scan = read_scan(tmp_path / "a.nc")
    assert scan.size == pytest.approx((1e-6, 2e-6)) and np.allclose(scan.heights, h) and len(scan.channels) == 1
    with pytest.raises(DataError, match="channel 'Phase'"):
        read_scan(tmp_path / "a.nc", channel="Phase")
    assert np.allclose(read_scan(tmp_path / "a.nc", channel="0").heights, h)
    with pytest.raises(UnitError, match="the file states"):
        read_scan(tmp_path / "a.nc", size="3 um")


def test_an_instruments_file_that_points_elsewhere_is_refused(tmp_path):
    h5py = pytest.importorskip("h5py")
    (tmp_path / "secret").write_bytes(bytes(128 * 8))
    with h5py.File(tmp_path / "map.nc", "w") as file:
        file.create_dataset("heights", (8, 16), "f8", external=[(str(tmp_path / "secret"), 0, 1024)])
    with pytest.raises(DataError, match="in another file"):
        read_scan(tmp_path / "map.nc")


@pytest.mark.parametrize("names", [("Width", "Height"), ("Breite", "Höhe"), ("Largeur", "Hauteur")])
def test_a_header_in_any_language_and_two_units_states_the_size(tmp_path, names):
    rows = "\n".join("\t".join(f"{v:.3f}" for v in row) for row in np.random.default_rng(0).normal(size=(16, 16)))

    def written(width, height):
        path = tmp_path / "map.txt"
        head = f"# Kanal: Höhen\n# {names[0]}: {width}\n# {names[1]}: {height}\n# Value units: nm\n"
        path.write_text(head + rows, encoding="utf-8")
        return path

    assert read_scan(written("12.34 µm", "5678.9 nm")).size == pytest.approx((5678.9e-9, 12.34e-6))
    with pytest.raises(UnitError, match="no physical size"):
        read_scan(written("16 px", "16 px"))
    with pytest.raises(UnitError, match="no physical size"):
        read_scan(written("16 px", "5 um"))
