"""What one of our errors says in a REST answer is the same error again on the other side."""

import json

import pytest

from headrace.client.failures import failure
from headrace.errors import ConfigException


@pytest.mark.parametrize("field", [None, "database.password"])
@pytest.mark.parametrize("remedy", [None, "Set the right one."])
def test_there_and_back(field: str | None, remedy: str | None) -> None:
    error = ConfigException("The server (a test) refused us.", code="PG_AUTH_FAILED", field=field, remedy=remedy)
    body = json.dumps({"error_code": 400, "message": str(error)}).encode()
    again = failure(400, body, "POST /connectors")
    assert (again.message, again.code, again.field, again.remedy) == (error.message, error.code, field, remedy)
    assert str(again) == str(error)


def test_the_setting_is_said_once() -> None:
    assert str(ConfigException("Bad max.rows.", field="max.rows")) == "[CONFIG_INVALID] Bad max.rows."
    assert str(ConfigException("Bad.", field="max.rows")) == "[CONFIG_INVALID] Bad. (setting: max.rows)"
