"""From a validation's result to the error that refuses a configuration. Apart from validation.py, as the worker itself needs it."""

from __future__ import annotations

from headrace.errors import ConfigException
from headrace.runtime.herder import ValidationResult


def error_of_result(result: ValidationResult) -> ConfigException:
    """The error that refuses a create or update, in Connect's form: count, one error a line, where to look."""
    lines = [(entry["value"]["name"], text) for entry in result.configs for text in entry["value"]["errors"]]
    texts = "\n".join(text if name in text else f"{name}: {text}" for name, text in lines)
    return ConfigException(
        f"Connector configuration is invalid and contains the following {result.error_count} error(s):\n{texts}\n"
        "You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`",
        code="CONNECTOR_CONFIG_INVALID",
        field=lines[0][0] if lines else None,
    )
