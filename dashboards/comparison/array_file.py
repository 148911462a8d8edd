"""Arrays by name in one file, as numpy's `.npz` has them, without pickles: the same bytes for the same
arrays, and read as what anybody may have written.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can have
_MODE = 0o644 << 16  # of a member, as numpy writes it
_SUFFIX = ".npy"
_TYPES: dict[str, np.dtype[Any]] = {"|u1": np.dtype(np.uint8), "<i2": np.dtype("<i2")}
_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(?P<length>..)"
    rb"\{'descr': '(?P<type>[|<][a-z][0-9])', 'fortran_order': False, "
    rb"'shape': \((?P<shape>(?:[0-9]{1,9}, ?)*(?:[0-9]{1,9})?)\), \} *\n",
    re.DOTALL,
)
"""The whole header of an array in C order, of numpy's format 1.0."""
MOST_BYTES = 2**26
"""The most bytes of a file."""
_MOST_UNPACKED = 2**28  # bytes of all arrays together
_MOST_ARRAYS = 256
_FAULTS = (
    zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, RuntimeError,
)  # fmt: skip
"""What the standard library raises for archives that are damaged or made up."""


class UnreadableFileError(ValueError):
    """A file is not of the kind that was expected: the message says, of "it", what is the matter."""


def packed(arrays: Mapping[str, np.ndarray]) -> bytes:
    """The file's content: arrays of uint8 or int16 by their names, of at least one dimension."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            info = zipfile.ZipInfo(f"{name}{_SUFFIX}", _DATE)
            info.compress_type, info.external_attr, info.create_system = (
                zipfile.ZIP_DEFLATED,
                _MODE,
                3,
            )
            member = io.BytesIO()
            little = array.astype(array.dtype.newbyteorder("<"), order="C", copy=False)
            np.lib.format.write_array(member, little, version=(1, 0), allow_pickle=False)
            archive.writestr(info, member.getvalue(), compresslevel=9)
    return file.getvalue()


def unpacked(content: bytes) -> dict[str, np.ndarray]:
    """The arrays of a file, read-only. Nothing in it is executed, and no more is unpacked than is allowed.

    Raises:
        UnreadableFileError: it is no such file, is cut off, has more than it may have, or other arrays.
    """
    if len(content) > MOST_BYTES:
        raise UnreadableFileError(f"it has {len(content)} bytes, but {MOST_BYTES} are the most")
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = _checked(archive.infolist())
            contents = {info.filename: archive.read(info) for info in members}
    except UnreadableFileError:
        raise
    except _FAULTS as error:
        raise UnreadableFileError(f"it is no whole archive of arrays ({error})") from error
    return {name.removesuffix(_SUFFIX): _array(name, array) for name, array in contents.items()}


def _checked(members: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """The members of an archive, if they are few, different, plainly packed and not too large.

    Their sizes are those that the archive states, and reading ends there.
    """
    names = {info.filename for info in members}
    if len(members) > _MOST_ARRAYS or len(names) < len(members):
        raise UnreadableFileError(
            f"it has {len(members)} arrays under {len(names)} names, but {_MOST_ARRAYS} different ones are "
            "the most"
        )
    size = sum(info.file_size for info in members)
    if size > _MOST_UNPACKED:
        raise UnreadableFileError(
            f"it unpacks to {size} bytes, but {_MOST_UNPACKED} are the most that are allowed"
        )
    for info in members:
        plain = info.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        if not plain or info.flag_bits & 1 or not info.filename.endswith(_SUFFIX):
            raise UnreadableFileError(
                f"its member {info.filename!r:.60} is no plainly packed array"
            )
    return members


def _array(name: str, content: bytes) -> np.ndarray:
    """The array of a member, by its header, which is not evaluated."""
    header = _HEADER.match(content)
    kind = _TYPES.get(header["type"].decode()) if header else None
    if header is None or kind is None:
        allowed = " and ".join(f"{one.name}" for one in _TYPES.values())
        raise UnreadableFileError(f"its array {name!r:.60} is not of {allowed} in C order")
    shape = tuple(int(size) for size in header["shape"].decode().split(",") if size.strip())
    stated = int.from_bytes(header["length"], "little")
    size = kind.itemsize
    for side in shape:  # whole numbers of Python, which do not overflow
        size *= side
    if not shape or stated != header.end() - 10 or size != len(content) - header.end():
        raise UnreadableFileError(
            f"its array {name!r:.60} says that its shape is {shape}, but has "
            f"{len(content) - header.end()} bytes"
        )
    return np.frombuffer(content, kind, offset=header.end()).reshape(shape)
