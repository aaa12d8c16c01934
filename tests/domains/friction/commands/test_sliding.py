"""Friction against speed and temperature, from the command line."""

import json

import numpy as np
import pytest

from advsci.cli import run_app
from advsci.errors import ConfigError
from advsci_friction.cli import app
from advsci_friction.laws.viscoelastic import shift_factor


def test_stick_slip_grows_with_speed_and_falls_with_temperature(tmp_path):
    assert run_app(app, ["stick-slip", "--out", str(tmp_path / "a")]) == 0
    found = json.loads((tmp_path / "a" / "forces.json").read_text())
    cold, warm = (np.array(found["temperatures"][t]["force [N]"]) for t in ("100 K", "500 K"))
    assert found["corrugation number eta"] > 1.0 and (np.diff(cold) >= 0.0).all() and (cold >= warm).all()
    assert cold.max() <= found["critical force [N]"] * (1.0 + 1e-12)
    assert (tmp_path / "a" / "report.html").exists()
    smooth = ["stick-slip", "--corrugation", "0.01 eV", "--out", str(tmp_path / "b")]
    assert run_app(app, smooth) == 0
    found = json.loads((tmp_path / "b" / "forces.json").read_text())
    assert found["corrugation number eta"] < 1.0 and max(found["temperatures"]["300 K"]["force [N]"]) == 0.0


def test_hysteresis_shifts_with_temperature(tmp_path):
    rng = np.random.default_rng(0)
    k = np.hypot(*np.meshgrid(np.fft.fftfreq(64, 1 / 64), np.fft.fftfreq(64, 1 / 64)))
    h = np.fft.ifft2(np.fft.fft2(rng.normal(size=(64, 64))) * np.where(k > 0, np.maximum(k, 1.0) ** -1.8, 0.0)).real
    np.savez(tmp_path / "a.npz", heights=2e-6 * h / h.std(), size=np.array(1e-4))
    ask = ["hysteresis", str(tmp_path / "a.npz"), "--temperatures", "300 K", "320 K", "--out", str(tmp_path / "o")]
    assert run_app(app, ask) == 0
    found = json.loads((tmp_path / "o" / "curves.json").read_text())
    cold, warm = (np.array(found["temperatures"][t]["mu"]) for t in ("300 K", "320 K"))
    speeds = np.array(found["speed [m/s]"])
    shift = 1.0 / shift_factor(320.0, 300.0)
    moved = np.interp(np.log(speeds[:20] * shift), np.log(speeds), warm)
    inside = speeds[:20] * shift < speeds[-1]
    assert np.allclose(moved[inside], cold[:20][inside], rtol=0.03), "time and temperature are one variable"
    with pytest.raises(ConfigError, match="where the shift"):
        shift_factor(100.0, 300.0)


def test_directions_are_those_of_the_map(tmp_path):
    x = np.arange(32) / 32
    ridges = 1e-7 * np.cos(2 * np.pi * x) * np.ones((32, 1))
    np.savez(tmp_path / "a.npz", heights=ridges, size=np.array(1e-5))
    ask = ["hysteresis", str(tmp_path / "a.npz"), "--instantaneous", "10 MPa", "--flatten", "none"]
    ask += ["--directions", "0", "90"]
    assert run_app(app, [*ask, "--out", str(tmp_path / "o")]) == 0
    found = json.loads((tmp_path / "o" / "curves.json").read_text())
    across, along = (np.array(found["directions"][f"{angle} degrees"]) for angle in (0, 90))
    # full contact: the closed form, at every speed
    q, pressure = 2 * np.pi / 1e-5, 1e5
    turn = q * np.array(found["speed of the directions [m/s]"]) * 1e-6
    loss = 9e6 * turn / (1 + turn**2)
    full = np.sqrt((1e6 + 9e6 * turn**2 / (1 + turn**2)) ** 2 + loss**2) * q * 1e-7 / 2 < pressure
    assert full.any() and np.allclose(across[full], (q * 1e-7) ** 2 * loss[full] / 4 / pressure, rtol=1e-3)
    assert np.abs(along).max() < 1e-9 and "Directions" in (tmp_path / "o" / "report.html").read_text()
