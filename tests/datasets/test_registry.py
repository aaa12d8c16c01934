"""Finding, fetching and checking files; every failure has a name. Downloads come from a server on this machine."""

import hashlib
import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from advsci.errors import DataError
from advsci_datasets import registry
from advsci_datasets.registry import DataSet, File

CONTENT = b"twelve bytes"
SHA = hashlib.sha256(CONTENT).hexdigest()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def served(tmp_path):
    """A folder and the address under which it is served."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def register(monkeypatch, tmp_path):
    """Replaces the registry by one data set 'few' with these files; cache and data folders are fresh."""
    monkeypatch.setenv("ADVSCI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("ADVSCI_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()

    def do(**files) -> DataSet:
        entry = DataSet("few", "images", "", "MIT", "", "a test", **files)
        monkeypatch.setattr(registry, "datasets", lambda: {"few": entry})
        return entry

    return do


def original(url, **facts) -> tuple[File, ...]:
    return (File("few.bin", urls=(f"{url}/absent.bin", f"{url}/few.bin"), **facts),)


def test_every_entry_is_complete():
    for name, entry in registry.datasets().items():
        assert (
            name == entry.name
            and entry.kind
            and entry.description
            and entry.licence
            and entry.citation
            and entry.source
        )
        assert entry.prepared or entry.originals
        for file in (*([entry.prepared] if entry.prepared else []), *entry.originals):
            assert len(file.sha256) in ((64,) if file is entry.prepared else (0, 64))
        assert all(url.startswith(("http://", "https://")) for file in entry.originals for url in file.urls)
        assert all(file.urls for file in entry.originals)


def test_embedded_files_are_the_registered_ones_and_small():
    embedded = [e for e in registry.datasets().values() if e.embedded]
    assert {state for e in embedded for _, state in registry.verify(e)} == {"ok"}
    assert sum(e.prepared.size for e in embedded if e.prepared) < 8e6


def test_a_download_falls_back_to_the_second_address_and_is_cached(served, register):
    folder, url = served
    (folder / "few.bin").write_bytes(CONTENT)
    entry = register(originals=original(url, sha256=SHA, size=len(CONTENT)))
    assert not entry.here()
    path = registry.fetch("few")["few.bin"]
    assert path.read_bytes() == CONTENT and entry.here()
    (folder / "few.bin").unlink()
    assert registry.fetch("few")["few.bin"] == path  # no second download
    assert [state for _, state in registry.verify(entry)] == ["ok"]


@pytest.mark.parametrize("served_bytes", [CONTENT[:-1], CONTENT[:-1] + b"x", b""])
@pytest.mark.parametrize("facts", [{"sha256": SHA}, {"sha256": SHA, "size": len(CONTENT)}])
def test_a_truncated_or_altered_download_is_refused_and_not_kept(served, register, served_bytes, facts):
    folder, url = served
    (folder / "few.bin").write_bytes(served_bytes)
    entry = register(originals=original(url, **facts))
    with pytest.raises(DataError, match="'few' could not be fetched"):
        registry.fetch("few")
    assert [state for _, state in registry.verify(entry)] == ["absent"]


def test_a_wrong_size_is_refused_where_the_hash_is_not_known(served, register):
    folder, url = served
    (folder / "few.bin").write_bytes(CONTENT[:-1])
    entry = register(originals=original(url, size=len(CONTENT)))
    with pytest.raises(DataError, match="truncated: got 11 bytes, expected 12"):
        registry.fetch("few")
    assert [state for _, state in registry.verify(entry)] == ["absent"]


def test_an_unknown_hash_is_recorded_at_the_first_download_and_checked_ever_after(served, register, tmp_path):
    folder, url = served
    (folder / "few.bin").write_bytes(CONTENT)
    entry = register(originals=original(url))
    path = registry.fetch("few")["few.bin"]
    assert json.loads((tmp_path / "cache" / "sha256.json").read_text()) == {"few/few.bin": SHA}
    path.write_bytes(CONTENT[::-1])
    assert [state for _, state in registry.verify(entry)] == ["altered"]
    with pytest.raises(DataError, match="is altered.*delete it and fetch it again"):
        registry.fetch("few")


def test_no_server_is_a_named_error(register):
    register(originals=original("http://127.0.0.1:9", sha256=SHA))
    with pytest.raises(DataError, match="put the file at .*few.bin"):
        registry.fetch("few")


def test_a_prepared_file_is_checked_before_it_is_used(register, tmp_path):
    entry = register(prepared=File("few.bin", SHA, len(CONTENT)))
    path = tmp_path / "data" / "few.bin"
    assert registry.prepared("few") is None
    path.write_bytes(CONTENT)
    assert registry.prepared("few") == path and entry.here()
    path.write_bytes(CONTENT[:5])
    with pytest.raises(DataError, match="truncated: got 5 bytes, expected 12"):
        registry.prepared("few")
    path.write_bytes(CONTENT[::-1])
    with pytest.raises(DataError, match="altered: got sha256"):
        registry.prepared("few")


def test_what_cannot_be_fetched_says_where_it_belongs(register):
    register(prepared=File("sub/few.bin", SHA))
    with pytest.raises(DataError, match="sub/few.bin in the folder that ADVSCI_DATA names"):
        registry.fetch("few")


def test_an_unknown_name_suggests_the_nearest():
    with pytest.raises(DataError, match="Try: fashion-mnist"):
        registry.find("fashion_mnist")
