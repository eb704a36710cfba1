"""A transform as a user would write it, for `headrace bench transform`: one record at a time, one field of the new row changed."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.spi import ConfigDef, ConnectRecord, Transform


class UpperStatus(Transform[ConnectRecord]):
    """Writes the column `status` in capitals."""

    @classmethod
    def version(cls) -> str:
        return "1.0"

    @classmethod
    def config(cls) -> ConfigDef:
        return ConfigDef()

    def configure(self, props: Mapping[str, str]) -> None:
        """Nothing to set."""

    def apply(self, record: ConnectRecord) -> ConnectRecord:
        value = record.value
        if value is not None:
            row = value["after"]
            if row is not None:
                row["status"] = row["status"].upper()
        return record
