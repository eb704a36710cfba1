"""What Debezium's PostgreSQL connector declares: `make goldens AREA=postgres_keys` writes it to golden/postgres_keys.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.parity.frame.oracle import Oracle

CLASS = "io.debezium.connector.postgresql.PostgresConnector"
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "postgres_keys.json"


def declared(oracle: Oracle) -> dict[str, dict[str, Any]]:
    """Key → type, default, importance, recommended values, as the original tells them."""
    keys = oracle.ask({"op": "configdef", "class": CLASS})["ok"]
    values = oracle.ask({"op": "validate", "class": CLASS, "config": {}})["ok"]
    allowed = {value["name"]: sorted(filter(None, value["recommended_values"])) for value in values}
    return {
        key["name"]: {
            "type": key["type"],
            "default": key["default_value"],
            "importance": key["importance"],
            "allowed": allowed.get(key["name"], []) if key["type"] != "CLASS" else [],
        }
        for key in keys
    }


def main() -> None:
    """Record and write."""
    with Oracle() as oracle:
        found = declared(oracle)
    text = ",\n".join(f"{json.dumps(name)}:{json.dumps(entry)}" for name, entry in sorted(found.items()))
    GOLDEN.write_text("{\n" + text + "\n}\n", encoding="utf-8")
    print(f"postgres_keys: {len(found)} keys recorded")
