"""Names of time zones that a SimpleDateFormat pattern letter z reads, with what they are ahead of UTC in milliseconds.

Those that mean one thing in Java's locale en_US; names of other zones are not read. Source: observed results of Java 25.
"""

from __future__ import annotations

from typing import Final

_HOUR: Final = 3_600_000
_NAMES: Final[dict[str, float]] = {
    "utc": 0, "coordinated universal time": 0, "greenwich mean time": 0,
    "est": -5, "edt": -4, "eastern standard time": -5, "eastern daylight time": -4,
    "cst": -6, "cdt": -5, "central standard time": -6, "central daylight time": -5,
    "mst": -7, "mdt": -6, "mountain standard time": -7, "mountain daylight time": -6,
    "pst": -8, "pdt": -7, "pacific standard time": -8, "pacific daylight time": -7,
    "akst": -9, "akdt": -8, "hst": -10,
    "wet": 0, "west": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "bst": 1, "msk": 3, "jst": 9,
    "central european standard time": 1, "central european summer time": 2,
    "eastern european standard time": 2, "eastern european summer time": 3, "japan standard time": 9,
    "india standard time": 5.5,
}  # fmt: skip
ZONE_OFFSETS: Final = {name: int(hours * _HOUR) for name, hours in _NAMES.items()}
