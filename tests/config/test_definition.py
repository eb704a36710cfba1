"""ConfigDef: parsing, validation, and what is made of a declaration."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.config import ConfigDef, ConfigType, Importance, Password, Width
from headrace.config.parsing import ParseError, parse_value
from headrace.config.rendering import config_info_to_json, key_to_json, render_markdown
from headrace.config.validators import ValidValues, between, non_null, one_of
from headrace.errors import ConfigException


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (ConfigType.BOOLEAN, " TRUE ", True),
        (ConfigType.INT, "+7", 7),
        (ConfigType.LONG, str(2**63 - 1), 2**63 - 1),
        (ConfigType.DOUBLE, "1e3", 1000.0),
        (ConfigType.LIST, "a , b,c", ["a", "b", "c"]),
        (ConfigType.LIST, " ", []),
        (ConfigType.STRING, " x ", "x"),
        (ConfigType.PASSWORD, "p", Password("p")),
        (ConfigType.INT, None, None),
    ],
)
def test_values_are_parsed(kind: ConfigType, text: Any, value: Any) -> None:
    assert parse_value(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (ConfigType.BOOLEAN, "yes"),
        (ConfigType.INT, "1.0"),
        (ConfigType.INT, str(2**31)),
        (ConfigType.SHORT, "40000"),
        (ConfigType.DOUBLE, "x"),
        (ConfigType.STRING, 5),
        (ConfigType.INT, True),
    ],
)
def test_values_are_refused(kind: ConfigType, text: Any) -> None:
    with pytest.raises(ParseError):
        parse_value(kind, text)


def definition() -> ConfigDef:
    return (
        ConfigDef()
        .define(
            "host",
            ConfigType.STRING,
            importance=Importance.HIGH,
            documentation="Where | to\nconnect.",
            group="Connection",
        )
        .define(
            "port", ConfigType.INT, 5432, between(1, 65535), group="Connection", width=Width.SHORT, dependents=["mode"]
        )
        .define("secret", ConfigType.PASSWORD, "dflt", importance=Importance.LOW)
        .define("mode", ConfigType.STRING, "a", one_of("a", "b"), recommender=ValidValues(["a", "b"]))
        .define("tables", ConfigType.LIST, ["x", "y"], non_null)
        .define("hidden", ConfigType.BOOLEAN, False, internal=True)
    )


def test_parse_and_validate() -> None:
    parsed = definition().parse({"host": "h", "port": "1", "unknown": "x"})
    assert parsed == {
        "host": "h",
        "port": 1,
        "secret": Password("dflt"),
        "mode": "a",
        "tables": ["x", "y"],
        "hidden": False,
    }
    with pytest.raises(ConfigException) as missing:
        definition().parse({})
    assert (missing.value.code, missing.value.field) == ("CONFIG_MISSING", "host")
    outcome = {item.name: item for item in definition().validate({"port": "x", "mode": "z", "secret": "s"})}
    assert outcome["host"].errors == ['Missing required configuration "host" which has no default value.']
    assert len(outcome["port"].errors) == 2
    assert "Not a number of type INT" in outcome["port"].errors[0]
    assert outcome["mode"].recommended_values == ["a", "b"]
    assert outcome["mode"].errors
    assert not outcome["tables"].errors


def test_a_refused_secret_is_not_shown() -> None:
    secret = ConfigDef().define("s", ConfigType.PASSWORD)
    with pytest.raises(ConfigException) as refused:
        secret.parse({"s": 12345})
    assert "12345" not in str(refused.value)


def test_rest_forms() -> None:
    keys = {key.name: key_to_json(key) for key in definition()}
    assert list(keys["host"]) == [
        "name",
        "type",
        "required",
        "default_value",
        "importance",
        "documentation",
        "group",
        "order_in_group",
        "width",
        "display_name",
        "dependents",
    ]
    assert (keys["host"]["required"], keys["host"]["default_value"], keys["host"]["order_in_group"]) == (True, None, 1)
    assert (keys["port"]["default_value"], keys["port"]["dependents"], keys["port"]["order_in_group"]) == (
        "5432",
        ["mode"],
        2,
    )
    assert (keys["secret"]["default_value"], keys["secret"]["group"], keys["secret"]["order_in_group"]) == (
        "[hidden]",
        None,
        -1,
    )
    assert keys["tables"]["default_value"] == "x,y"
    made = definition()
    infos = [config_info_to_json(value, made.get(value.name)) for value in made.validate({"host": "h", "secret": "s"})]
    assert infos[2]["value"] == {
        "name": "secret",
        "value": "[hidden]",
        "recommended_values": [],
        "errors": [],
        "visible": True,
    }
    assert infos[1]["value"]["value"] == "5432"
    assert config_info_to_json(made.validate({"host": "h"})[0], None)["definition"] is None


def test_reference_page() -> None:
    page = render_markdown("Thing", "Does things.", definition())
    assert page.startswith("# Thing\n\nDoes things.\n\n## Connection\n")
    assert "| `host` | string | **required** | high | Where \\| to connect. |" in page
    assert "| `secret` | password | `[hidden]` | low |  |" in page
    assert "hidden`" not in page.replace("[hidden]`", "")
    assert "No settings." in render_markdown("Empty", "", ConfigDef())


@given(st.text(max_size=10))
def test_validation_never_raises(text: str) -> None:
    outcome = definition().validate(dict.fromkeys(definition().names(), text))
    assert len(outcome) == len(definition())
