"""What all suites ask of a plugin: declared settings, clear refusals, a version, hosting in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import unittest
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from headrace.config import ConfigDef, ConfigType, ConfigValue
from headrace.errors import ConfigException, HeadraceError
from headrace.spi.connector import Connector
from headrace.testing.stand_ins import ConnectorContextStub

_TYPED = frozenset({ConfigType.INT, ConfigType.LONG, ConfigType.SHORT, ConfigType.DOUBLE, ConfigType.BOOLEAN})
_SECRET_WORDS = ("password", "passphrase", "secret", "credential", "api.key", "access.key", "token")

Changes = Mapping[str, str | None]
"""Settings to change; None takes one away."""


def check(condition: object, message: str) -> None:
    """An assertion that says what is wrong, also where asserts are not rewritten."""
    if not condition:
        raise AssertionError(message)


def skip(reason: str) -> None:
    """Skip the test: the hook it needs is not there."""
    raise unittest.SkipTest(reason)


def changed(config: Mapping[str, str], changes: Changes) -> dict[str, str]:
    """The settings with changes."""
    merged = {**config, **changes}
    return {key: value for key, value in merged.items() if value is not None}


def check_definition(name: str, definition: ConfigDef) -> None:
    """Every setting is documented, its default parses, and what looks like a secret is one."""
    for key in definition:
        if key.internal:
            continue
        check(key.documentation.strip() or key.no_effect, f"{name}: the setting {key.name} has no documentation.")
        if any(word in key.name.lower() for word in _SECRET_WORDS) and key.type is ConfigType.STRING:
            endings = (".file", ".mode", ".type", ".class", ".name", ".location", ".path", ".provider")
            check(key.name.endswith(endings), f"{name}: {key.name} looks like a secret; declare it as PASSWORD.")


class ConfigTests:
    """The tests of settings; `values_of` and `definition` are what differs between kinds."""

    refused: ClassVar[Sequence[tuple[Changes, str]]] = ()
    """Settings that must be refused: changes to `config()`, and the key the refusal must be about."""

    def config(self) -> dict[str, str]:
        """Settings that work."""
        raise NotImplementedError(f"{type(self).__name__} must say with which settings its subject works: config().")

    def definition(self) -> ConfigDef:
        raise NotImplementedError

    def errors_for(self, config: Mapping[str, str]) -> dict[str, list[str]]:
        """Key → what is wrong with it; empty when the settings are accepted."""
        raise NotImplementedError

    def test_settings_are_declared(self) -> None:
        check_definition(type(self).__name__, self.definition())
        check(
            self.definition().names() == self.definition().names(), "config() must declare the same settings each time."
        )

    def test_working_settings_are_accepted(self) -> None:
        errors = self.errors_for(self.config())
        check(not errors, f"The settings of config() are refused: {errors}")

    def test_a_missing_setting_is_named(self) -> None:
        config = self.config()
        for key in self.definition():
            if key.required:
                check(key.name in config, f"config() leaves out {key.name}, which is required.")
                self._check_refused({name: value for name, value in config.items() if name != key.name}, key.name)

    def test_a_value_of_the_wrong_type_is_named(self) -> None:
        typed = [key.name for key in self.definition() if key.type in _TYPED]
        errors = self.errors_for({**self.config(), **dict.fromkeys(typed, "neither number nor flag")})
        accepted = [name for name in typed if name not in errors]
        check(not accepted, f"Text is accepted for {accepted}.")

    def test_refused_settings_are_refused(self) -> None:
        for changes, field in self.refused:
            self._check_refused(changed(self.config(), changes), field)

    def _check_refused(self, config: Mapping[str, str], field: str) -> None:
        errors = self.errors_for(config)
        check(field in errors, f"Nothing is said of {field} for {_shown(config)}; errors: {errors}")


class ConnectorTests(ConfigTests):
    """What is asked of sources and sinks alike."""

    connector: type[Connector]
    """The class under test."""
    prompt_s: ClassVar[float] = 5.0
    """How long `stop` and an idle `poll` may take."""
    deadline_s: ClassVar[float] = 20.0
    """How long anything else may take."""

    def outside(self) -> Any:
        """Something comparable that shows the state of the system the connector works on; checked to be the same after
        validation. None: not checked."""
        return None

    def definition(self) -> ConfigDef:
        return self.connector.config()

    def errors_for(self, config: Mapping[str, str]) -> dict[str, list[str]]:
        before = self.outside()
        values = self.connector().validate(dict(config))
        check(self.outside() == before, "validate has changed something outside.")
        check(
            {value.name for value in values} >= set(self.definition().names()),
            "validate must give a ConfigValue for each declared setting; begin with super().validate(props).",
        )
        return {value.name: value.errors for value in values if value.errors}

    def test_version_is_declared(self) -> None:
        name, version = self.connector.__name__, self.connector.version()
        check(version not in ("", "undefined"), f"{name}.version() must say which version this is.")

    def test_tasks_are_planned_for_any_number(self) -> None:
        for most in (1, 2, 3, 7, 64):
            connector = self._started()
            try:
                plan = connector.task_configs(most)
                again = connector.task_configs(most)
            finally:
                connector.stop()
            check(len(plan) <= most, f"task_configs({most}) gave {len(plan)} tasks.")
            check(plan == again, f"task_configs({most}) gave another plan when it was asked again.")
            check(plan, f"task_configs({most}) plans no task for settings with which there is work.")
            for config in plan:
                wrong = {k: v for k, v in config.items() if not isinstance(k, str) or not isinstance(v, str)}
                check(not wrong, f"A task's configuration must be text: {wrong}")

    def test_stop_without_start(self) -> None:
        self.connector().stop()
        connector = self._started()
        connector.stop()
        connector.stop()

    def test_runs_in_a_process_of_its_own(self) -> None:
        """The class and its task class are found by name in another process, as a worker does."""
        classes = (self.connector, self.connector().task_class())  # type: ignore[attr-defined]
        names = [(cls.__module__, cls.__qualname__) for cls in classes]
        code = (
            "import importlib, json, operator, sys\n"
            "sys.path[:] = json.loads(sys.argv[1])\n"
            "for module, name in json.loads(sys.argv[2]):\n"
            "    operator.attrgetter(name)(importlib.import_module(module))()\n"
        )
        arguments = [json.dumps(sys.path), json.dumps(names)]
        done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60)
        check(done.returncode == 0, f"{names} cannot be imported and made in another process: {done.stderr[-2000:]}")

    def _started(self) -> Connector:
        connector = self.connector()
        connector.initialize(ConnectorContextStub())
        connector.start(self.config())
        return connector


class ComponentTests(ConfigTests):
    """What is asked of transforms, predicates and converters alike: `configure` is where settings are refused."""

    versioned: ClassVar[bool] = True
    """It says its version. False: it leaves that to the package it came with."""

    def subject(self) -> Any:
        """The class under test."""
        raise NotImplementedError

    def definition(self) -> ConfigDef:
        definition: ConfigDef = self.subject().config()
        return definition

    def errors_for(self, config: Mapping[str, str]) -> dict[str, list[str]]:
        declared: list[ConfigValue] = self.definition().validate(config)
        errors = {value.name: list(value.errors) for value in declared if value.errors}
        instance = self.subject()()
        try:
            instance.configure(dict(config))
        except ConfigException as error:
            errors.setdefault(error.field or "", []).append(str(error))
        except HeadraceError as error:
            raise AssertionError(f"configure must refuse settings with ConfigException, not {error!r}") from error
        finally:
            instance.close()
        return errors

    def test_version_is_declared(self) -> None:
        cls = self.subject()
        check(
            not self.versioned or cls.version() not in ("", "undefined"),
            f"{cls.__name__}.version() must say which version this is.",
        )

    def test_close_twice(self) -> None:
        instance = self.subject()()
        instance.configure(self.config())
        instance.close()
        instance.close()


def _shown(config: Mapping[str, str]) -> dict[str, str]:
    return {key: "[hidden]" if any(word in key for word in _SECRET_WORDS) else value for key, value in config.items()}
