"""Files of others: every format is opened by one guarded reader, and what we write is written whole.

A file may be cut short, altered, of another kind, larger than the memory, nested without end, or made by somebody who
wants to read your files or run code. Each reader here looks at what a file declares before it believes it, and every
failure is an `AdvsciError` that says what came, what was expected and what to try.
"""

from typing import TYPE_CHECKING

from advsci.lazy import exports

if TYPE_CHECKING:
    from advsci.files.arrays import read_array as read_array
    from advsci.files.arrays import read_arrays as read_arrays
    from advsci.files.arrays import write_arrays as write_arrays
    from advsci.files.budget import memory_budget as memory_budget
    from advsci.files.budget import require_room as require_room
    from advsci.files.dicom import read_dicom as read_dicom
    from advsci.files.hdf5 import open_hdf5 as open_hdf5
    from advsci.files.links import refuse_links as refuse_links
    from advsci.files.manifest import record_manifest as record_manifest
    from advsci.files.manifest import verify_manifest as verify_manifest
    from advsci.files.named import reading as reading
    from advsci.files.pictures import open_picture as open_picture
    from advsci.files.pictures import open_tiff as open_tiff
    from advsci.files.plain import parse_json as parse_json
    from advsci.files.plain import parse_toml as parse_toml
    from advsci.files.plain import read_json as read_json
    from advsci.files.text import read_text as read_text
    from advsci.files.text import unpacked as unpacked
    from advsci.files.unpacking import unpacked_size as unpacked_size
    from advsci.files.writing import write_whole as write_whole
    from advsci.files.xml_text import read_xml as read_xml
    from advsci.files.zarr_store import open_zarr as open_zarr

__getattr__, __dir__, __all__ = exports(__name__)
