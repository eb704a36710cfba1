"""The requests that both workers are given, in order: every route, legal and illegal.

`$SOURCE` and `$TARGET` stand for files of the machine. A step may first wait for a state, so that what is asked next has one answer.
Plain data: the recorder and the test read the same list.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

FILE_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
FILE_SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
SOURCE = {"connector.class": FILE_SOURCE, "file": "$SOURCE", "topic": "lines", "tasks.max": "1"}
SINK = {"connector.class": FILE_SINK, "file": "$TARGET", "topics": "lines", "tasks.max": "2"}


@dataclass(frozen=True)
class Step:
    """One request. `wait`: (path, "connector-state task-state …") to be reached before, or (path, status code)."""

    id: str
    method: str
    path: str
    body: Any = None
    raw: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    wait: tuple[str, str | int] | None = None


def _create(name: Any, config: Any = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "config": SOURCE if config is None else config, **more}


def steps() -> list[Step]:
    """All steps, ids unique."""
    listed = [
        *_root(),
        *_errors(),
        *_plugins(),
        *_validation(),
        *_create_steps(),
        *_life(),
        *_offsets(),
        *_sink(),
        *_loggers(),
        *_end(),
    ]
    names = [step.id for step in listed]
    assert len(set(names)) == len(names), sorted(name for name in names if names.count(name) > 1)
    return listed


def _root() -> list[Step]:
    return [
        Step("root", "GET", "/"),
        Step("health", "GET", "/health"),
        Step("head-root", "HEAD", "/"),
        Step("empty-list", "GET", "/connectors"),
        Step("list-slash", "GET", "/connectors/"),
        Step("head-list", "HEAD", "/connectors"),
        Step("options-list", "OPTIONS", "/connectors"),
        Step("options-connector", "OPTIONS", "/connectors/x"),
        Step("options-validate", "OPTIONS", "/connector-plugins/FileStreamSource/config/validate"),
    ]


def _errors() -> list[Step]:
    json_type = {"Content-Type": "application/json"}
    missing = "/connectors/missing"
    routes = [
        ("GET", ""), ("DELETE", ""), ("GET", "/config"), ("PATCH", "/config"), ("GET", "/status"), ("GET", "/tasks"), ("GET", "/tasks-config"),
        ("GET", "/tasks/0/status"), ("POST", "/tasks/0/restart"), ("GET", "/tasks/x/status"), ("POST", "/tasks/x/restart"),
        ("POST", "/restart"), ("POST", "/restart?includeTasks=true"), ("POST", "/restart?onlyFailed=true&includeTasks=false"),
        ("PUT", "/pause"), ("PUT", "/resume"), ("PUT", "/stop"), ("GET", "/topics"), ("PUT", "/topics/reset"), ("GET", "/offsets"),
        ("PATCH", "/offsets"), ("DELETE", "/offsets"), ("PUT", "/fence"), ("POST", "/tasks"), ("GET", "/nothing"),
    ]  # fmt: skip
    bodies: dict[tuple[str, str], Any] = {
        ("PATCH", "/config"): {"a": "b"},
        ("PATCH", "/offsets"): {"offsets": [{"partition": {"filename": "f"}, "offset": None}]},
        ("POST", "/tasks"): [],
    }
    listed = [
        Step(f"missing {method} {path}", method, missing + path, bodies.get((method, path))) for method, path in routes
    ]
    for method, path in [
        ("DELETE", "/connectors"), ("PUT", "/connectors"), ("PATCH", "/connectors"), ("POST", "/"), ("PUT", "/connectors/x"), ("POST", "/connectors/x"),
        ("POST", "/connectors/x/config"), ("DELETE", "/connectors/x/config"), ("POST", "/connectors/x/status"), ("GET", "/connectors/x/pause"),
        ("POST", "/connectors/x/pause"), ("GET", "/connectors/x/restart"), ("PUT", "/connectors/x/restart"), ("DELETE", "/connectors/x/tasks"),
        ("PUT", "/connectors/x/offsets"), ("POST", "/connectors/x/offsets"), ("GET", "/connectors/x/topics/reset"), ("POST", "/connector-plugins"),
        ("GET", "/connector-plugins/FileStreamSource/config/validate"), ("POST", "/connector-plugins/FileStreamSource/config/validate"),
        ("DELETE", "/admin/loggers"), ("POST", "/admin/loggers/root"), ("POST", "/health"), ("GET", "/nowhere"), ("GET", "/connector-plugins/x"), ("GET", "/admin"),
    ]:  # fmt: skip
        listed.append(Step(f"verb {method} {path}", method, path))
    listed += [
        Step("accept-xml", "GET", "/connectors", headers={"Accept": "application/xml"}),
        Step("accept-any", "GET", "/connectors", headers={"Accept": "text/html,*/*;q=0.1"}),
        Step("type-text", "POST", "/connectors", raw="{}", headers={"Content-Type": "text/plain"}),
        Step("type-form", "POST", "/connectors", raw="a=b", headers={"Content-Type": "application/x-www-form-urlencoded"}),
        Step("type-charset", "POST", "/connectors", raw="{}", headers={"Content-Type": "application/json; charset=utf-8"}),
        Step("broken-json", "POST", "/connectors", raw="{", headers=json_type),
        Step("no-body", "POST", "/connectors", raw="", headers=json_type),
        Step("null-body", "POST", "/connectors", raw="null", headers=json_type),
        Step("array-body", "POST", "/connectors", raw="[]", headers=json_type),
        Step("text-body", "POST", "/connectors", raw='"a"', headers=json_type),
        Step("no-config", "POST", "/connectors", {"name": "a"}),
        Step("null-config", "POST", "/connectors", {"name": "a", "config": None}),
        Step("array-config", "POST", "/connectors", {"name": "a", "config": []}),
        Step("nested-config", "POST", "/connectors", {"name": "a", "config": {**SOURCE, "x": {"y": 1}}}),
        Step("array-value", "POST", "/connectors", {"name": "a", "config": {**SOURCE, "x": [1]}}),
        Step("unknown-top-field", "POST", "/connectors", _create("a", other=1)),
        Step("initial-state-wrong", "POST", "/connectors", _create("a", initial_state="SLEEPING")),
        Step("initial-state-null", "PUT", "/connectors/x/config", raw="[]", headers=json_type),
        Step("put-broken", "PUT", "/connectors/x/config", raw="{", headers=json_type),
        Step("put-no-body", "PUT", "/connectors/x/config", raw="", headers=json_type),
        Step("put-empty", "PUT", "/connectors/x/config", {}),
        Step("patch-broken", "PATCH", "/connectors/x/config", raw="{", headers=json_type),
        Step("empty-config", "POST", "/connectors", {"name": "a", "config": {}}),
        Step("no-name", "POST", "/connectors", {"config": SOURCE}),
        Step("empty-name", "POST", "/connectors", _create("")),
        Step("blank-name", "POST", "/connectors", _create("   ")),
        Step("control-name", "POST", "/connectors", _create("a\u0001b")),
        Step("number-name", "POST", "/connectors", _create(5, {"connector.class": "NoSuchClass"})),
        Step("name-mismatch", "POST", "/connectors", _create("a", {**SOURCE, "name": "b"})),
        Step("put-name-mismatch", "PUT", "/connectors/a/config", {**SOURCE, "name": "b"}),
        Step("no-class", "POST", "/connectors", _create("a", {"topic": "t"})),
        Step("empty-class", "POST", "/connectors", _create("a", {"connector.class": "", "topic": "t"})),
        Step("unknown-class", "POST", "/connectors", _create("a", {"connector.class": "org.example.NoSuchConnector"})),
        Step("not-a-connector", "POST", "/connectors", _create("a", {"connector.class": "org.apache.kafka.connect.json.JsonConverter"})),
        Step("missing-required", "POST", "/connectors", _create("a", {"connector.class": FILE_SOURCE, "file": "$SOURCE"})),
        Step("empty-required", "POST", "/connectors", _create("a", {**SOURCE, "topic": ""})),
        Step("bad-number", "POST", "/connectors", _create("a", {**SOURCE, "tasks.max": "x"})),
        Step("zero-tasks", "POST", "/connectors", _create("a", {**SOURCE, "tasks.max": "0"})),
        Step("null-value", "POST", "/connectors", _create("a", {**SOURCE, "batch.size": None})),
        Step("null-value-away", "DELETE", "/connectors/a"),
        Step("bad-converter", "POST", "/connectors", _create("a", {**SOURCE, "key.converter": "NoSuchConverter"})),
        Step("bad-transform", "POST", "/connectors", _create("a", {**SOURCE, "transforms": "x"})),
        Step("bad-transform-class", "POST", "/connectors", _create("a", {**SOURCE, "transforms": "x", "transforms.x.type": "Nope"})),
        Step("bad-tolerance", "POST", "/connectors", _create("a", {**SOURCE, "errors.tolerance": "some"})),
        Step("topics-and-regex", "POST", "/connectors", _create("a", {**SINK, "topics.regex": "x.*"})),
        Step("no-topics", "POST", "/connectors", _create("a", {"connector.class": FILE_SINK, "file": "$TARGET"})),
        Step("dlq-is-topic", "POST", "/connectors", _create("a", {**SINK, "errors.deadletterqueue.topic.name": "lines"})),
        Step("bad-regex", "POST", "/connectors", _create("a", {"connector.class": FILE_SINK, "file": "$TARGET", "topics.regex": "["})),
        Step("nothing-was-made", "GET", "/connectors"),
    ]  # fmt: skip
    return listed


def _plugins() -> list[Step]:
    listed = [
        Step("plugins", "GET", "/connector-plugins"),
        Step("plugins-all", "GET", "/connector-plugins?connectorsOnly=false"),
    ]
    names = [
        "FileStreamSource", "FileStreamSourceConnector", FILE_SOURCE, "FileStreamSink", FILE_SINK, "JsonConverter", "StringConverter", "Cast$Value", "Cast", "RegexRouter",
        "org.apache.kafka.connect.transforms.InsertField$Key", "TopicNameMatches", "SimpleHeaderConverter", "TimestampConverter$Value", "MaskField$Value",
        "ReplaceField$Value", "TimestampRouter", "Filter", "HasHeaderKey", "RecordIsTombstone", "LongConverter", "ByteArrayConverter", "NoSuchPlugin",
        "Flatten$Value", "HoistField$Key", "ExtractField$Value", "SetSchemaMetadata$Value", "ValueToKey", "InsertHeader", "DropHeaders", "HeaderFrom$Value",
    ]  # fmt: skip
    listed += [Step(f"plugin {name}", "GET", f"/connector-plugins/{name}/config") for name in names]
    listed += [
        Step("plugin-version-latest", "GET", "/connector-plugins/FileStreamSource/config?version=latest"),
        Step("plugin-version-bad", "GET", "/connector-plugins/FileStreamSource/config?version=%5B1"),
        Step("plugin-version-missing", "GET", "/connector-plugins/FileStreamSource/config?version=0.0.1"),
    ]
    return listed


def _validation() -> list[Step]:
    def step(id: str, config: Any, plugin: str = "FileStreamSource") -> Step:
        return Step(f"validate {id}", "PUT", f"/connector-plugins/{plugin}/config/validate", config)

    named = {"name": "v", **SOURCE}
    sink = {"name": "v", **SINK}
    return [
        step("ok", named),
        step("fqcn", named, FILE_SOURCE),
        step("without-name", SOURCE),
        step("sink", sink, "FileStreamSink"),
        step("no-class", {"topic": "t"}),
        step("class-other", sink),
        step("unknown-class", {**named, "connector.class": "org.example.Nope"}, "Nope"),
        step("unknown-plugin", named, "Nope"),
        step("missing-required", {"connector.class": FILE_SOURCE}),
        step("wrong-types", {**named, "tasks.max": "many", "batch.size": "x", "errors.log.enable": "perhaps"}),
        step("numbers", {**named, "tasks.max": 2, "batch.size": 5, "errors.log.enable": True}),
        step("null-value", {**named, "batch.size": None, "unknown": None}),
        step("unknown-keys", {**named, "some.key": "x"}),
        step("transform", {**named, "transforms": "a", "transforms.a.type": "org.apache.kafka.connect.transforms.InsertField$Value", "transforms.a.static.field": "x"}),
        step("transform-two", {**named, "transforms": "a,b", "transforms.a.type": "RegexRouter", "transforms.b.type": "org.apache.kafka.connect.transforms.Cast$Value"}),
        step("transform-unknown", {**named, "transforms": "a", "transforms.a.type": "Nope"}),
        step("transform-twice", {**named, "transforms": "a,a", "transforms.a.type": "org.apache.kafka.connect.transforms.TimestampRouter"}),
        step("predicate", {**named, "transforms": "a", "transforms.a.type": "org.apache.kafka.connect.transforms.Filter", "transforms.a.predicate": "p", "transforms.a.negate": "true",
                           "predicates": "p", "predicates.p.type": "org.apache.kafka.connect.transforms.predicates.TopicNameMatches", "predicates.p.pattern": "a.*"}),
        step("predicate-missing", {**named, "transforms": "a", "transforms.a.type": "org.apache.kafka.connect.transforms.Filter", "transforms.a.predicate": "q"}),
        step("converter", {**named, "key.converter": "org.apache.kafka.connect.json.JsonConverter", "key.converter.schemas.enable": "false", "value.converter": "org.apache.kafka.connect.storage.StringConverter"}),
        step("converter-unknown", {**named, "value.converter": "Nope"}),
        step("converter-bad-setting", {**named, "value.converter": "org.apache.kafka.connect.json.JsonConverter", "value.converter.schemas.cache.size": "x"}),
        step("override", {**named, "producer.override.linger.ms": "5", "producer.override.client.id": "mine"}),
        step("sink-override", {**sink, "consumer.override.max.poll.records": "10"}, "FileStreamSink"),
        step("topic-creation", {**named, "topic.creation.groups": "g", "topic.creation.default.replication.factor": "1", "topic.creation.default.partitions": "3", "topic.creation.g.include": "a.*", "topic.creation.g.partitions": "2"}),
        step("topic-creation-incomplete", {**named, "topic.creation.default.partitions": "3"}),
        step("exactly-once", {**named, "exactly.once.support": "required"}),
        step("boundary", {**named, "transaction.boundary": "interval", "transaction.boundary.interval.ms": "0"}),
        step("sink-both-topics", {**sink, "topics.regex": "a.*"}, "FileStreamSink"),
        step("sink-dlq", {**sink, "errors.deadletterqueue.topic.name": "dlq", "errors.tolerance": "all", "errors.deadletterqueue.context.headers.enable": "true"}, "FileStreamSink"),
        Step("validate broken", "PUT", "/connector-plugins/FileStreamSource/config/validate", raw="{", headers={"Content-Type": "application/json"}),
        Step("validate empty", "PUT", "/connector-plugins/FileStreamSource/config/validate", {}),
    ]  # fmt: skip


_RUNNING = "RUNNING RUNNING"


def _create_steps() -> list[Step]:
    typed = {**SOURCE, "batch.size": 100, "errors.log.enable": True, "extra": 1.50, "tasks.max": 1}
    return [
        Step("create", "POST", "/connectors", _create("f1")),
        Step("create-again", "POST", "/connectors", _create("f1")),
        Step("info", "GET", "/connectors/f1", wait=("/connectors/f1/status", _RUNNING)),
        Step("info-slash", "GET", "/connectors/f1/"),
        Step("config", "GET", "/connectors/f1/config"),
        Step("status", "GET", "/connectors/f1/status"),
        Step("tasks", "GET", "/connectors/f1/tasks"),
        Step("task-status", "GET", "/connectors/f1/tasks/0/status"),
        Step("task-status-unknown", "GET", "/connectors/f1/tasks/7/status"),
        Step("task-status-text", "GET", "/connectors/f1/tasks/x/status"),
        Step("task-status-negative", "GET", "/connectors/f1/tasks/-1/status"),
        Step("tasks-config", "GET", "/connectors/f1/tasks-config"),
        Step("head-connector", "HEAD", "/connectors/f1"),
        Step("create-trimmed", "POST", "/connectors", _create("  f2  ")),
        Step("create-typed", "POST", "/connectors", _create("f3", typed)),
        Step("config-typed", "GET", "/connectors/f3/config"),
        Step("create-space", "POST", "/connectors", _create("with space")),
        Step("get-space", "GET", "/connectors/with%20space/config"),
        Step("create-unicode", "POST", "/connectors", _create("naïve-連")),
        Step("get-unicode", "GET", "/connectors/na%C3%AFve-%E9%80%A3/config"),
        Step("create-paused", "POST", "/connectors", _create("p1", initial_state="paused")),
        Step("status-paused", "GET", "/connectors/p1/status", wait=("/connectors/p1/status", "PAUSED|PAUSED PAUSED")),
        Step("create-stopped", "POST", "/connectors", _create("s1", initial_state="STOPPED")),
        Step("status-stopped", "GET", "/connectors/s1/status", wait=("/connectors/s1/status", "STOPPED")),
        Step("create-initial-null", "POST", "/connectors", _create("n1", initial_state=None)),
        Step("put-new", "PUT", "/connectors/u1/config", SOURCE),
        Step("put-same", "PUT", "/connectors/u1/config", SOURCE, wait=("/connectors/u1/status", _RUNNING)),
        Step("put-changed", "PUT", "/connectors/u1/config", {**SOURCE, "batch.size": 7}, wait=("/connectors/u1/status", _RUNNING)),
        Step("put-bad", "PUT", "/connectors/u1/config", {**SOURCE, "topic": ""}, wait=("/connectors/u1/status", _RUNNING)),
        Step("put-null", "PUT", "/connectors/u1/config", {**SOURCE, "batch.size": None}),
        Step("put-after-null", "PUT", "/connectors/u1/config", {**SOURCE, "batch.size": 7}),
        Step("config-after-bad", "GET", "/connectors/u1/config"),
        Step("patch", "PATCH", "/connectors/u1/config", {"batch.size": "9", "extra": "1"}),
        Step("patch-delete", "PATCH", "/connectors/u1/config", {"extra": None}, wait=("/connectors/u1/status", _RUNNING)),
        Step("patch-bad", "PATCH", "/connectors/u1/config", {"topic": None}, wait=("/connectors/u1/status", _RUNNING)),
        Step("patch-name", "PATCH", "/connectors/u1/config", {"name": "other"}),
        Step("patch-name-back", "PATCH", "/connectors/u1/config", {"name": "u1"}),
        Step("patch-empty", "PATCH", "/connectors/u1/config", {}),
        Step("patch-array", "PATCH", "/connectors/u1/config", []),
        Step("config-patched", "GET", "/connectors/u1/config", wait=("/connectors/u1/status", _RUNNING)),
        Step("change-type", "PUT", "/connectors/n1/config", SINK, wait=("/connectors/n1/status", _RUNNING)),
        Step("list", "GET", "/connectors"),
        *[Step(f"settle {name}", "GET", f"/connectors/{name}", wait=(f"/connectors/{name}/status", _RUNNING)) for name in ("f2", "f3", "with%20space")],
    ]  # fmt: skip


def _life() -> list[Step]:
    status = "/connectors/f1/status"
    return [
        Step(
            "expand-status",
            "GET",
            "/connectors?expand=status",
            wait=("/connectors/n1/status", "RUNNING RUNNING RUNNING"),
        ),
        Step("expand-info", "GET", "/connectors?expand=info"),
        Step("expand-both", "GET", "/connectors?expand=status&expand=info"),
        Step("expand-unknown", "GET", "/connectors?expand=other"),
        Step("expand-list", "GET", "/connectors?expand=status,info"),
        Step("pause", "PUT", "/connectors/f1/pause"),
        Step("paused", "GET", status, wait=(status, "PAUSED PAUSED")),
        Step("pause-twice", "PUT", "/connectors/f1/pause"),
        Step("restart-paused", "POST", "/connectors/f1/restart?includeTasks=true"),
        Step("still-paused", "GET", status, wait=(status, "PAUSED PAUSED")),
        Step("resume", "PUT", "/connectors/f1/resume"),
        Step("resumed", "GET", status, wait=(status, _RUNNING)),
        Step("resume-twice", "PUT", "/connectors/f1/resume"),
        Step("restart", "POST", "/connectors/f1/restart"),
        Step("restart-tasks", "POST", "/connectors/f1/restart?includeTasks=true", wait=(status, _RUNNING)),
        Step("restart-failed-only", "POST", "/connectors/f1/restart?onlyFailed=true", wait=(status, _RUNNING)),
        Step(
            "restart-flag-text", "POST", "/connectors/f1/restart?includeTasks=yes&onlyFailed=1", wait=(status, _RUNNING)
        ),
        Step("restart-flag-case", "POST", "/connectors/f1/restart?includeTasks=TRUE", wait=(status, _RUNNING)),
        Step("restart-task", "POST", "/connectors/f1/tasks/0/restart", wait=(status, _RUNNING)),
        Step("restart-task-text", "POST", "/connectors/f1/tasks/x/restart"),
        Step("fence", "PUT", "/connectors/f1/fence"),
        Step("internal-tasks", "POST", "/connectors/f1/tasks", [{"a": "b"}]),
        Step("internal-tasks-object", "POST", "/connectors/f1/tasks", {}),
        Step("topics", "GET", "/connectors/f1/topics", wait=("/connectors/f1/topics", "lines")),
        Step("topics-reset", "PUT", "/connectors/s1/topics/reset"),
        Step("topics-empty", "GET", "/connectors/s1/topics"),
        Step("stop", "PUT", "/connectors/f1/stop", wait=(status, _RUNNING)),
        Step("stopped", "GET", status, wait=(status, "STOPPED")),
        Step("stopped-info", "GET", "/connectors/f1"),
        Step("stopped-tasks", "GET", "/connectors/f1/tasks"),
        Step("stop-twice", "PUT", "/connectors/f1/stop"),
        Step("pause-stopped", "PUT", "/connectors/s1/pause"),
        Step("restart-stopped", "POST", "/connectors/f1/restart"),
        Step("restart-stopped-tasks", "POST", "/connectors/f1/restart?includeTasks=true", wait=(status, "STOPPED")),
    ]


def _offsets() -> list[Step]:
    path, running = "/connectors/f1/offsets", "/connectors/f3/offsets"
    file = {"partition": {"filename": "$SOURCE"}, "offset": {"position": 4}}

    def patch(id: str, *items: Any) -> Step:
        return Step(f"offsets {id}", "PATCH", path, {"offsets": list(items)})

    return [
        Step("offsets-get", "GET", path, wait=("/connectors/f1/status", "STOPPED")),
        Step("offsets-running-get", "GET", running),
        Step("offsets-running-patch", "PATCH", running, {"offsets": [file]}),
        Step("offsets-running-delete", "DELETE", running),
        patch("alter", file),
        Step("offsets-altered", "GET", path),
        patch("none"),
        Step("offsets-no-list", "PATCH", path, {}),
        Step("offsets-null-list", "PATCH", path, {"offsets": None}),
        Step("offsets-unknown-field", "PATCH", path, {"offsets": [file], "more": 1}),
        Step("offsets-unknown-inner", "PATCH", path, {"offsets": [{**file, "more": 1}]}),
        Step("offsets-array", "PATCH", path, [file]),
        Step("offsets-no-body", "PATCH", path, raw="", headers={"Content-Type": "application/json"}),
        patch("negative", {**file, "offset": {"position": -1}}),
        patch("text-position", {**file, "offset": {"position": "4"}}),
        patch("no-position", {**file, "offset": {"other": 1}}),
        patch("wrong-partition", {"partition": {"other": "f"}, "offset": {"position": 1}}),
        patch("no-partition", {"offset": {"position": 1}}),
        patch("null-partition", {"partition": None, "offset": {"position": 1}}),
        patch("tombstone", {**file, "offset": None}),
        Step("offsets-after-tombstone", "GET", path),
        patch("again", file),
        Step("offsets-delete", "DELETE", path),
        Step("offsets-deleted", "GET", path),
        Step("offsets-delete-twice", "DELETE", path),
        Step("resume-stopped", "PUT", "/connectors/f1/resume"),
        Step("resumed-stopped", "GET", "/connectors/f1/status", wait=("/connectors/f1/status", _RUNNING)),
    ]


def _sink() -> list[Step]:
    status, path = "/connectors/k1/status", "/connectors/k1/offsets"

    def patch(id: str, partition: Any, offset: Any) -> Step:
        return Step(f"sink offsets {id}", "PATCH", path, {"offsets": [{"partition": partition, "offset": offset}]})

    lines = {"kafka_topic": "lines", "kafka_partition": 0}
    return [
        Step("sink-create", "POST", "/connectors", _create("k1", SINK)),
        Step("sink-status", "GET", status, wait=(status, "RUNNING RUNNING RUNNING")),
        Step("sink-tasks", "GET", "/connectors/k1/tasks"),
        Step("sink-topics", "GET", "/connectors/k1/topics", wait=("/connectors/k1/topics", "lines")),
        Step("sink-stop", "PUT", "/connectors/k1/stop"),
        Step("sink-offsets-shape", "GET", path, wait=(status, "STOPPED")),
        patch("alter", lines, {"kafka_offset": 1}),
        Step("sink-offsets-altered", "GET", path),
        patch("text", lines, {"kafka_offset": "2"}),
        patch("extra", {**lines, "more": 1}, {"kafka_offset": 1, "more": 2}),
        patch("no-topic", {"kafka_partition": 0}, {"kafka_offset": 1}),
        patch("null-topic", {"kafka_topic": None, "kafka_partition": 0}, {"kafka_offset": 1}),
        patch("bad-partition", {"kafka_topic": "lines", "kafka_partition": "x"}, {"kafka_offset": 1}),
        patch("negative", lines, {"kafka_offset": -1}),
        patch("bad-offset", lines, {"kafka_offset": "x"}),
        patch("no-offset", lines, {}),
        patch("null", lines, None),
        Step("sink-offsets-null", "GET", path),
        Step("sink-offsets-delete", "DELETE", path),
        Step("sink-offsets-deleted", "GET", path),
        Step("sink-resume", "PUT", "/connectors/k1/resume"),
        Step("sink-resumed", "GET", status, wait=(status, "RUNNING RUNNING RUNNING")),
        Step("broken-sink-create", "POST", "/connectors", _create("b1", {**SINK, "tasks.max": "1", "file": "/proc/none/such"})),
        Step("broken-sink-status", "GET", "/connectors/b1/status", wait=("/connectors/b1/status", "RUNNING FAILED")),
        Step("broken-sink-restart", "POST", "/connectors/b1/restart?includeTasks=true&onlyFailed=true"),
        Step("broken-sink-again", "GET", "/connectors/b1/tasks/0/status", wait=("/connectors/b1/status", "RUNNING FAILED")),
    ]  # fmt: skip


def _loggers() -> list[Step]:
    return [
        Step("logger-root", "GET", "/admin/loggers/root"),
        Step("logger-unknown", "GET", "/admin/loggers/no.such.logger"),
        Step("logger-set", "PUT", "/admin/loggers/org.apache.kafka.connect.file", {"level": "DEBUG"}),
        Step("logger-set-lower", "PUT", "/admin/loggers/org.apache.kafka.connect.file", {"level": "warn"}),
        Step("logger-get", "GET", "/admin/loggers/org.apache.kafka.connect.file"),
        Step("logger-no-level", "PUT", "/admin/loggers/root", {}),
        Step("logger-bad-level", "PUT", "/admin/loggers/root", {"level": "LOUD"}),
        Step("logger-null-level", "PUT", "/admin/loggers/root", {"level": None}),
        Step("logger-number-level", "PUT", "/admin/loggers/root", {"level": 5}),
        Step("logger-array", "PUT", "/admin/loggers/root", []),
        Step(
            "logger-scope-worker", "PUT", "/admin/loggers/org.apache.kafka.connect.file?scope=worker", {"level": "INFO"}
        ),
        Step(
            "logger-scope-cluster",
            "PUT",
            "/admin/loggers/org.apache.kafka.connect.file?scope=cluster",
            {"level": "INFO"},
        ),
        Step(
            "logger-scope-unknown",
            "PUT",
            "/admin/loggers/org.apache.kafka.connect.file?scope=galaxy",
            {"level": "INFO"},
        ),
    ]


def _end() -> list[Step]:
    names = ["f1", "f2", "f3", "with%20space", "na%C3%AFve-%E9%80%A3", "p1", "s1", "n1", "u1", "k1", "b1"]
    listed = [Step(f"delete {name}", "DELETE", f"/connectors/{name}") for name in names]
    return [
        Step("restart-task-unknown", "POST", "/connectors/f2/tasks/9/restart"),
        *listed,
        Step("delete-twice", "DELETE", "/connectors/f1"),
        Step("deleted-status", "GET", "/connectors/f1/status", wait=("/connectors/f1/status", 404)),
        Step("all-gone", "GET", "/connectors"),
        Step("recreate", "POST", "/connectors", _create("f1", initial_state="STOPPED")),
        Step("offsets-kept", "GET", "/connectors/f1/offsets"),
        Step("delete-last", "DELETE", "/connectors/f1"),
    ]
