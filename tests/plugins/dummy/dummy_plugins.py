"""Connectors that misbehave on request, for tests of the worker.

Source settings: `topic`, `records` per poll, `behave` = well | raise | raise-retriable | raise-config | crash | hang | hang-start | hang-stop |
leak | hold-gil | fork-and-crash | start-program | raise-half-surrogate | raise-mute | raise-long; `behave.after` polls.
`behave.once.file`: behave badly only while the file does not exist, and make it.
"""

import logging
import os
import signal
import threading
import time
from pathlib import Path

from headrace.data import STRING_SCHEMA
from headrace.spi import (
    ConfigData,
    ConfigDef,
    ConfigException,
    ConfigProvider,
    ConfigType,
    ConnectException,
    Converter,
    HeaderConverter,
    RetriableException,
    SchemaAndValue,
    SinkConnector,
    SinkTask,
    SourceConnector,
    SourceRecord,
    SourceTask,
)


def _def():
    return (
        ConfigDef()
        .define("topic", ConfigType.STRING, "dummy")
        .define("records", ConfigType.INT, 1)
        .define("behave", ConfigType.STRING, "well")
        .define("behave.after", ConfigType.INT, 2)
        .define("behave.once.file", ConfigType.STRING, None)
        .define("tasks.plan", ConfigType.INT, -1)
        .define("secret", ConfigType.PASSWORD, None)
        .define("connector.behave", ConfigType.STRING, "well")
    )


class MuteError(Exception):
    def __str__(self):
        raise RuntimeError


class DummySource(SourceConnector):
    @classmethod
    def version(cls):
        return "1.2.3"

    @classmethod
    def config(cls):
        return _def()

    def validate(self, props):
        values = super().validate(props)
        behave = props.get("connector.behave")
        if behave == "hang-validate":
            time.sleep(600)
        if behave == "crash-validate":
            os.kill(os.getpid(), signal.SIGSEGV)
        if behave == "bad":
            next(value for value in values if value.name == "connector.behave").add_error("connector.behave is bad.")
        return values

    def start(self, props):
        self.props = dict(props)
        if props.get("connector.behave") == "raise":
            raise ConfigException("start refused", field="topic")
        if props.get("connector.behave") == "hang-start":
            time.sleep(600)
        if props.get("connector.behave") == "raise-later":
            threading.Timer(0.2, self.context.raise_error, (ConnectException("found later"),)).start()
        if props.get("connector.behave") == "reconfigure":
            threading.Timer(0.3, self._more).start()
        self.wanted = 1

    def _more(self):
        self.wanted = 2
        self.context.request_task_reconfiguration()

    def task_class(self):
        return DummySourceTask

    def task_configs(self, max_tasks):
        planned = int(self.props.get("tasks.plan", "-1"))
        count = planned if planned >= 0 else min(max_tasks, self.wanted)
        return [{**self.props, "number": str(number)} for number in range(count)]

    def stop(self):
        pass

    def alter_offsets(self, props, offsets):
        for partition, _ in offsets:
            if "part" not in partition:
                raise ConnectException("partitions need the key part")
        return True


class DummySourceTask(SourceTask):
    @classmethod
    def version(cls):
        return "1.2.3"

    def start(self, props):
        self.config = _def().parse(props)
        self.part = {"part": props["number"]}
        stored = self.context.offset_reader.offset(self.part)
        self.position = stored["at"] if stored else 0
        self.polls = 0
        self.leaked = []
        if self.config["behave"] == "hang-start":
            time.sleep(600)

    def poll(self):
        self.polls += 1
        logging.getLogger("dummy").debug("polling")
        if self.polls > self.config["behave.after"]:
            self.misbehave()
        if self.polls > 1:
            time.sleep(0.02)
        records = []
        for _ in range(self.config["records"]):
            self.position += 1
            records.append(
                SourceRecord(
                    self.part,
                    {"at": self.position},
                    self.config["topic"],
                    None,
                    None,
                    None,
                    STRING_SCHEMA,
                    str(self.position),
                )
            )
        return records

    def misbehave(self):
        behave = self.config["behave"]
        once = self.config["behave.once.file"]
        if behave != "well" and once:
            if Path(once).exists():
                return
            Path(once).touch()
        if behave == "raise":
            raise ValueError("poll went wrong")
        if behave == "raise-secret":
            raise ConnectException(f"the secret is {self.config['secret'].value}")
        if behave == "raise-config":
            raise ConfigException("setting refused late", field="topic")
        if behave == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if behave == "fork-and-crash":
            if os.fork() == 0:
                time.sleep(600)
            os.kill(os.getpid(), signal.SIGSEGV)
        if behave == "start-program" and self.polls == self.config["behave.after"] + 1:
            os.system("sleep 600 &")
        if behave == "raise-half-surrogate":
            raise ValueError("no such file: \udcff")
        if behave == "raise-mute":
            raise MuteError
        if behave == "raise-long":
            raise ValueError("x" * 10_000_000)
        if behave == "hang":
            time.sleep(600)
        if behave == "hold-gil":
            import re

            re.match(r"(a+)+$", "a" * 60 + "b")
        if behave == "leak":
            self.leaked.append(bytearray(os.urandom(1) * (8 << 20)))
        if behave == "raise-retriable":
            raise RetriableException("try again")

    def stop(self):
        if self.config["behave"] == "hang-stop":
            time.sleep(600)


class DummySink(SinkConnector):
    @classmethod
    def config(cls):
        return ConfigDef().define("file", ConfigType.STRING)

    def start(self, props):
        self.props = dict(props)

    def task_class(self):
        return DummySinkTask

    def task_configs(self, max_tasks):
        return [dict(self.props) for _ in range(max_tasks)]

    def stop(self):
        pass


class DummySinkTask(SinkTask):
    def start(self, props):
        self.path = Path(props["file"])

    def put(self, records):
        with self.path.open("a") as file:
            for record in records:
                file.write(f"{record.value}\n")

    def stop(self):
        pass


class TextConverter(Converter):
    """Values as text."""

    @classmethod
    def config(cls):
        return ConfigDef().define("upper", ConfigType.BOOLEAN, False)

    def configure(self, props):
        if props.get("upper") == "true":
            raise KeyError("upper")

    def from_connect_data(self, topic, schema, value):
        return None if value is None else str(value).encode()

    def to_connect_data(self, topic, data):
        return SchemaAndValue(None, None if data is None else data.decode())


class TextHeaderConverter(HeaderConverter):
    @classmethod
    def config(cls):
        return ConfigDef()

    def configure(self, props):
        pass

    def from_connect_header(self, topic, key, schema, value):
        return None if value is None else str(value).encode()

    def to_connect_header(self, topic, key, data):
        return SchemaAndValue(None, None if data is None else data.decode())


class FileProvider(ConfigProvider):
    def configure(self, params):
        self.ttl_ms = int(params["ttl"]) if "ttl" in params else None

    def get(self, path, keys=None):
        lines = Path(path).read_text().splitlines()
        return ConfigData(dict(line.split("=", 1) for line in lines), self.ttl_ms)
