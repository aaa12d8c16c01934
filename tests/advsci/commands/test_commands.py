"""The umbrella script: doctor tells what is missing, datasets lists and verifies."""

import pytest
from packaging.requirements import Requirement

from advsci.cli import run_app
from advsci.commands import app, doctor


@pytest.fixture
def cli(capsys):
    def call(*arguments: str):
        code = run_app(app, list(arguments))
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_doctor_finds_this_installation_sound(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("ADVSCI_CACHE", str(tmp_path))
    code, out, _ = cli("doctor")
    assert code == 0, out
    for subject in ("advsci ", "torch ", "accelerator", "advsci[inverse]", "ADVSCI_DATA", str(tmp_path)):
        assert subject in out


def test_doctor_tells_a_missing_extra_from_a_missing_requirement(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: None if name in ("h5py", "torch") else "999")
    monkeypatch.setattr(doctor, "_violates", lambda requirement, version: False)
    found = {check.subject: check for check in doctor.checks()}
    assert (found["advsci"].state, found["advsci"].found) == ("problem", "no torch")
    assert found["advsci[inverse]"].state == "missing" and "h5py" in found["advsci[inverse]"].found
    assert "pip install 'advsci[inverse]'" in found["advsci[inverse]"].advice


def test_doctor_is_silent_about_packages_for_work_on_advsci_itself(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: None)
    subjects = {check.subject for check in doctor._packages()}
    assert "advsci[singlecell]" in subjects
    assert not subjects & {"advsci[docs]", "advsci[test]", "advsci[bench]"}


def test_doctor_names_a_version_that_is_too_old(monkeypatch):
    monkeypatch.setattr(doctor, "_version", lambda name: "0.0.1")
    found = next(check for check in doctor.checks() if check.subject == "advsci[track]")
    assert found.state == "problem" and "0.0.1" in found.found
    assert doctor._violates(Requirement("x>=2"), "1.9") and not doctor._violates(Requirement("x>=2"), "2.1.dev1+cpu")


def test_doctor_and_a_data_folder_that_is_none(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("ADVSCI_DATA", str(tmp_path / "absent"))
    code, out, _ = cli("doctor")
    assert code == 1 and "absent is no folder" in out


def test_datasets_list_and_verify(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("ADVSCI_CACHE", str(tmp_path))
    monkeypatch.delenv("ADVSCI_DATA", raising=False)
    code, out, _ = cli("datasets", "list", "--kind", "images")
    assert code == 0 and "digits" in out and "pbmc" not in out
    code, out, _ = cli("datasets", "verify", "digits")
    assert code == 0 and out.startswith("ok")
    code, out, _ = cli("datasets", "fetch", "digits")
    assert code == 0 and out.strip().endswith("digits.npz")


def test_datasets_verify_reports_an_altered_file(cli, monkeypatch, tmp_path):
    monkeypatch.setenv("ADVSCI_DATA", str(tmp_path))
    (tmp_path / "inverse").mkdir()
    (tmp_path / "inverse" / "mnist28.npz").write_bytes(b"x")
    code, out, _ = cli("datasets", "verify", "mnist")
    assert code == 1 and "altered" in out and "1 altered" in out


def test_an_unknown_data_set_suggests_the_nearest(cli):
    code, _, err = cli("datasets", "fetch", "digit")
    assert code == 1 and "Try: digits" in err
