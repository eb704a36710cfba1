"""Takes over, once, the source offsets that a JVM's connect-standalone left in its file, so that connectors go on where it stopped."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

from headrace.log.offset_codec import parse_key, parse_value
from headrace.log.offset_file import read_offset_file
from headrace.log.stores import OffsetStore, StateStore

logger = logging.getLogger(__name__)

_KIND = "offset-file"


def take_over_offsets(path: Path, offsets: OffsetStore, states: StateStore) -> int:
    """Write the offsets of the file for which there are none here yet; how many. A file is read once as it is: later changes of
    it are told of, for only an operator knows which offsets are right. Nothing happens without a file.

    ConfigException OFFSET_FILE_INVALID; the codec's errors for keys or values that are none."""
    if not path.is_file():
        return 0
    data = path.read_bytes()
    if not data:
        return 0
    digest = hashlib.sha256(data).hexdigest()
    known = states.load(_KIND).get(str(path))
    if known is not None:
        if known["sha256"] != digest:
            logger.warning("%s has changed since its offsets were taken over; it is not read again.", path)
        return 0
    found = [(parse_key(key), parse_value(value)) for key, value in read_offset_file(data).items() if value is not None]
    count = 0
    for (connector, partition), offset in found:
        if offsets.get(connector, [partition]) == [None]:
            offsets.put(connector, [(partition, offset)])
            count += 1
    states.save(_KIND, str(path), {"sha256": digest})
    logger.info("Took over %d of %d source offsets from %s.", count, len(found), path)
    return count
