"""A standalone worker's connectors: created, paused, stopped, resumed, restarted, reconfigured, deleted, restored."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.worker_support import PLUGINS, Worker, alive


@pytest.fixture(scope="module")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    worker = Worker(tmp_path_factory.mktemp("worker"))
    try:
        yield worker.start()
    finally:
        worker.close()


def test_source_to_sink(worker: Worker, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    info = worker.create("life", topic="life")
    assert info["tasks"] == [{"connector": "life", "task": 0}]
    worker.create("life-sink", "DummySink", topics="life", file=str(out))
    worker.until_states("life", "RUNNING", "RUNNING")
    worker.until(lambda: len(out.read_text().split()) >= 5)
    lines = out.read_text().split()
    assert lines == [str(number) for number in range(1, len(lines) + 1)]
    worker.until(lambda: worker.offset("life") >= 5)
    worker.until(lambda: worker.request("GET", "/connectors/life-sink/offsets")["offsets"])
    entry = worker.request("GET", "/connectors/life-sink/offsets")["offsets"][0]
    assert entry["partition"] == {"kafka_partition": 0, "kafka_topic": "life"}
    for name in ("life", "life-sink"):
        assert worker.until(lambda name=name: worker.request("GET", f"/connectors/{name}/topics")[name]["topics"]) == [
            "life"
        ]
    assert worker.status("life")["tasks"][0]["version"] == "1.2.3"
    tasks = worker.request("GET", "/connectors/life/tasks", status=200)
    assert tasks[0]["config"]["task.class"].endswith("DummySourceTask")
    for name in ("life", "life-sink"):
        worker.request("DELETE", f"/connectors/{name}", status=204)
        worker.request("GET", f"/connectors/{name}/status", status=404)


def test_pause_stop_resume_and_offsets(worker: Worker) -> None:
    worker.create("p", topic="p")
    worker.until_states("p", "RUNNING", "RUNNING")
    worker.request("PUT", "/connectors/p/pause", status=202)
    worker.until_states("p", "PAUSED", "PAUSED")
    pid = worker.task_pid("p")
    worker.request(
        "PATCH", "/connectors/p/offsets", {"offsets": [{"partition": {"part": "0"}, "offset": {"at": 1}}]}, 400
    )
    worker.request("PUT", "/connectors/p/resume", status=202)
    worker.until_states("p", "RUNNING", "RUNNING")
    assert worker.task_pid("p") == pid, "a paused task keeps its process"
    worker.until(lambda: worker.offset("p") > 0)
    worker.request("PUT", "/connectors/p/stop", status=204)
    assert worker.states("p") == ("STOPPED", [])
    worker.until(lambda: not alive(pid))
    assert worker.request("GET", "/connectors/p")["tasks"] == []
    body = {"offsets": [{"partition": {"part": "0"}, "offset": {"at": 100000}}]}
    assert "successfully" in worker.request("PATCH", "/connectors/p/offsets", body, 200)["message"]
    assert worker.offset("p") == 100000
    refused = {"offsets": [{"partition": {"wrong": "0"}, "offset": {"at": 1}}]}
    assert "key part" in worker.request("PATCH", "/connectors/p/offsets", refused, 500)["message"]
    assert worker.offset("p") == 100000, "a refused change changes nothing"
    worker.request("PUT", "/connectors/p/resume", status=202)
    worker.until_states("p", "RUNNING", "RUNNING")
    worker.until(lambda: worker.offset("p") > 100000)
    worker.request("PUT", "/connectors/p/stop", status=204)
    worker.request("DELETE", "/connectors/p/offsets", status=200)
    assert worker.request("GET", "/connectors/p/offsets")["offsets"] == []
    worker.request("DELETE", "/connectors/p", status=204)


def test_sink_offsets(worker: Worker, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    worker.create("so", topic="so")
    worker.create("sink-off", "DummySink", topics="so", file=str(out))
    worker.until(lambda: worker.request("GET", "/connectors/sink-off/offsets")["offsets"])
    worker.request("PUT", "/connectors/sink-off/stop", status=204)
    partition = {"kafka_topic": "so", "kafka_partition": "0"}
    worker.request(
        "PATCH",
        "/connectors/sink-off/offsets",
        {"offsets": [{"partition": partition, "offset": {"kafka_offset": 2}}]},
        200,
    )
    assert worker.request("GET", "/connectors/sink-off/offsets")["offsets"][0]["offset"] == {"kafka_offset": 2}
    worker.request(
        "PATCH",
        "/connectors/sink-off/offsets",
        {"offsets": [{"partition": {"kafka_topic": "so"}, "offset": None}]},
        400,
    )
    out.write_text("")
    worker.request("PUT", "/connectors/sink-off/resume", status=202)
    assert worker.until(lambda: out.read_text().split())[0] == "3"
    worker.request("PUT", "/connectors/sink-off/stop", status=204)
    worker.request("DELETE", "/connectors/sink-off/offsets", status=200)
    assert worker.request("GET", "/connectors/sink-off/offsets")["offsets"] == []
    for name in ("so", "sink-off"):
        worker.request("DELETE", f"/connectors/{name}", status=204)


def test_initial_states(worker: Worker) -> None:
    worker.create("stopped", state="STOPPED")
    assert worker.states("stopped") == ("STOPPED", [])
    worker.create("paused", state="PAUSED")
    assert worker.states("paused")[0] == "PAUSED"
    worker.request("PUT", "/connectors/stopped/resume", status=202)
    worker.until_states("stopped", "RUNNING", "RUNNING")
    worker.request("PUT", "/connectors/paused/resume", status=202)
    worker.until_states("paused", "RUNNING", "RUNNING")
    for name in ("stopped", "paused"):
        worker.request("DELETE", f"/connectors/{name}", status=204)


def test_new_configuration_and_patch(worker: Worker) -> None:
    worker.create("c", topic="c1", tasks__max="1")
    worker.until_states("c", "RUNNING", "RUNNING")
    config = {"connector.class": "DummySource", "topic": "c2", "tasks.plan": "2", "tasks.max": "2"}
    worker.request("PUT", "/connectors/c/config", config, 200)
    worker.until_states("c", "RUNNING", "RUNNING", "RUNNING")
    worker.until(lambda: "c2" in worker.request("GET", "/connectors/c/topics")["c"]["topics"])
    patched = worker.request("PATCH", "/connectors/c/config", {"tasks.plan": "1", "records": "1"}, 200)
    assert patched["config"]["topic"] == "c2"
    worker.until_states("c", "RUNNING", "RUNNING")
    bad = worker.request("PUT", "/connectors/c/config", {**config, "tasks.max": "no"}, 400)
    assert "tasks.max" in bad["message"]
    assert worker.request("GET", "/connectors/c/config")["tasks.plan"] == "1"
    worker.request("POST", "/connectors", {"name": "c", "config": config}, 409)
    worker.request("DELETE", "/connectors/c", status=204)


def test_the_connector_asks_for_more_tasks(worker: Worker) -> None:
    worker.create("more", connector__behave="reconfigure", tasks__max="2")
    worker.until_states("more", "RUNNING", "RUNNING", "RUNNING")
    worker.request("DELETE", "/connectors/more", status=204)


def test_too_many_tasks(worker: Worker) -> None:
    worker.create("many", tasks__plan="3", tasks__max="2")
    worker.until_states("many", "FAILED")
    assert "TOO_MANY_TASKS" in worker.status("many")["connector"]["trace"]
    config = {"connector.class": "DummySource", "tasks.plan": "3", "tasks.max": "2", "tasks.max.enforce": "false"}
    worker.request("PUT", "/connectors/many/config", config, 200)
    worker.until_states("many", "RUNNING", "RUNNING", "RUNNING", "RUNNING")
    worker.request("DELETE", "/connectors/many", status=204)


def test_restart_by_hand(worker: Worker) -> None:
    worker.create("r", behave="raise", behave__after="0", headrace__restart__policy="none")
    worker.until_states("r", "RUNNING", "FAILED")
    trace = worker.status("r")["tasks"][0]["trace"]
    assert trace.splitlines()[0] == "ValueError: poll went wrong"
    assert "misbehave" in trace
    picture = worker.request("POST", "/connectors/r/restart?includeTasks=true&onlyFailed=true", status=202)
    assert picture["connector"]["state"] == "RUNNING"
    assert picture["tasks"][0]["state"] == "RESTARTING"
    worker.until_states("r", "RUNNING", "FAILED")
    worker.request("POST", "/connectors/r/tasks/0/restart", status=204)
    worker.request("POST", "/connectors/r/tasks/7/restart", status=404)
    worker.request("POST", "/connectors/r/restart", status=204)
    worker.until(
        lambda: worker.metric('kafka_connect_connect_worker_metrics_connector_failed_task_count{connector="r"}') == 1
    )
    worker.request("DELETE", "/connectors/r", status=204)


def test_validation_over_rest(worker: Worker) -> None:
    config = {
        "connector.class": "DummySource",
        "name": "v",
        "records": "x",
        "connector.behave": "bad",
        "key.converter": "Nope",
    }
    result = worker.request("PUT", "/connector-plugins/DummySource/config/validate", config, 200)
    errors = {
        entry["value"]["name"]: entry["value"]["errors"] for entry in result["configs"] if entry["value"]["errors"]
    }
    assert set(errors) == {"records", "connector.behave", "key.converter"}
    assert result["error_count"] == 3
    names = [entry["definition"]["name"] for entry in result["configs"]]
    assert names[:4] == ["name", "connector.class", "connector.plugin.version", "tasks.max"]
    assert names.index("offsets.storage.topic") < names.index("topic")
    refused = worker.request("POST", "/connectors", {"name": "v", "config": {**config, "name": "v"}}, 400)["message"]
    assert "3 error(s)" in refused
    assert all(name in refused for name in errors)
    missing = worker.request("POST", "/connectors", {"name": "v", "config": {"connector.class": "DumySource"}}, 400)
    assert "DummySource" in missing["message"]
    broken = {"name": "v", "config": {"connector.class": "broken_plugins.Source"}}
    assert "a_library_that_nobody_installed" in worker.request("POST", "/connectors", broken, 400)["message"]
    assert "broken_plugins" in worker.log()


def test_a_converter_that_fails_in_validation(worker: Worker) -> None:
    """Whatever it raises stands at the key that names it."""
    config = {
        "connector.class": "DummySource",
        "name": "v",
        "value.converter": "TextConverter",
        "value.converter.upper": "true",
    }
    answer = worker.request("PUT", "/connector-plugins/DummySource/config/validate", config, 200)
    errors = {item["value"]["name"]: item["value"]["errors"] for item in answer["configs"] if item["value"]["errors"]}
    assert list(errors) == ["value.converter"]


def test_a_plugin_that_dies_in_validation(worker: Worker) -> None:
    body = {"name": "v", "config": {"connector.class": "DummySource", "connector.behave": "crash-validate"}}
    assert "SIGSEGV" in worker.request("POST", "/connectors", body, 500)["message"]
    worker.request("GET", "/health", status=200)


def test_log_levels(worker: Worker) -> None:
    assert worker.request("PUT", "/admin/loggers/headrace.runtime", {"level": "debug"}, 200)
    assert worker.request("GET", "/admin/loggers/headrace.runtime", status=200)["level"] == "DEBUG"
    worker.request("PUT", "/admin/loggers/headrace.runtime", {"level": "LOUD"}, 404)
    worker.request("PUT", "/admin/loggers/headrace.runtime", {"level": "INFO"}, 200)
    worker.create("chatty")
    worker.create("quiet")
    worker.request("PUT", "/admin/loggers/connector.chatty", {"level": "DEBUG"}, 200)
    worker.until(lambda: "DEBUG [chatty|task-0] polling" in worker.log())
    worker.request("POST", "/connectors/chatty/restart?includeTasks=true", status=202)
    seen = worker.log().count("DEBUG [chatty|task-0] polling")
    worker.until(lambda: worker.log().count("DEBUG [chatty|task-0] polling") > seen + 20)
    assert "DEBUG [quiet" not in worker.log()
    for name in ("chatty", "quiet"):
        worker.request("DELETE", f"/connectors/{name}", status=204)


def test_restored_after_kill(tmp_path: Path) -> None:
    worker = Worker(tmp_path)
    try:
        worker.start()
        worker.create("runs")
        worker.create("halts")
        worker.create("rests")
        worker.until_states("runs", "RUNNING", "RUNNING")
        worker.until_states("rests", "RUNNING", "RUNNING")
        worker.request("PUT", "/connectors/halts/stop", status=204)
        worker.request("PUT", "/connectors/rests/pause", status=202)
        worker.until(lambda: worker.offset("runs") > 0)
        before = worker.offset("runs")
        children = worker.children()
        assert len(children) >= 4
        worker.kill()
        worker.until(lambda: not any(alive(pid) for pid in children))
        worker.start()
        worker.until_states("runs", "RUNNING", "RUNNING")
        worker.until_states("rests", "PAUSED", "PAUSED")
        assert worker.states("halts") == ("STOPPED", [])
        assert worker.until(lambda: worker.offset("runs") > before)
        assert worker.terminate() == 0
    finally:
        worker.close()


def test_one_worker_per_data_folder(tmp_path: Path) -> None:
    first, second = Worker(tmp_path), Worker(tmp_path)
    try:
        first.start()
        second.data = tmp_path / "elsewhere"
        second.start(wait=False)
        assert second.process is not None
        assert second.process.wait(20) == 2
        assert "DATA_DIR_IN_USE" in first.log()
    finally:
        first.close()
        second.close()


def test_connector_files_and_bad_ones(tmp_path: Path) -> None:
    flat = tmp_path / "flat.properties"
    flat.write_text("name=flat\nconnector.class=DummySource\n")
    nested = tmp_path / "nested.json"
    nested.write_text(
        '{"name": "nested", "config": {"connector.class": "DummySource", "records": 2}, "initial_state": "stopped"}'
    )
    worker = Worker(tmp_path)
    try:
        worker.start(flat, nested)
        worker.until_states("flat", "RUNNING", "RUNNING")
        worker.until(lambda: worker.states("nested") == ("STOPPED", []))
        os.kill(worker.process.pid, signal.SIGINT)  # type: ignore[union-attr]
        assert worker.process.wait(20) == 0  # type: ignore[union-attr]
        flat.write_text("name=flat\nconnector.class=NoSuch\n")
        worker.start(flat, wait=False)
        assert worker.process.wait(20) == 3  # type: ignore[union-attr]
        assert "PLUGIN_NOT_FOUND" in worker.log()
    finally:
        worker.close()


def test_a_plugin_that_has_gone_and_an_expiring_secret(tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.write_text("topic=before\n")
    worker = Worker(
        tmp_path,
        config__providers="file",
        config__providers__file__class="dummy_plugins.FileProvider",
        config__providers__file__param__ttl="300",
    )
    try:
        worker.start()
        worker.create("e", topic=f"${{file:{secrets}:topic}}")
        worker.until(lambda: worker.request("GET", "/connectors/e/topics")["e"]["topics"] == ["before"])
        secrets.write_text("topic=after\n")
        worker.until(lambda: worker.request("GET", "/connectors/e/topics")["e"]["topics"] == ["before", "after"])
        assert worker.request("GET", "/connectors/e/config")["topic"] == f"${{file:{secrets}:topic}}"
        worker.terminate()
        del worker.properties["plugin.path"]
        name = "org.apache.kafka.connect.storage.StringConverter"
        worker.properties.update({f"{which}.converter": name for which in ("key", "value", "header")})
        worker.properties["config.providers.file.class"] = "FileConfigProvider"
        worker.start()
        worker.until_states("e", "FAILED")
        assert "PLUGIN_NOT_FOUND" in worker.status("e")["connector"]["trace"]
        assert worker.status("e")["type"] == "unknown"
    finally:
        worker.close()


def test_plugins_whose_import_crashes_or_exits(tmp_path: Path) -> None:
    for name, text in (("a", "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"), ("b", "raise SystemExit(3)")):
        (tmp_path / "plugins" / name).mkdir(parents=True)
        (tmp_path / "plugins" / name / f"import_{name}.py").write_text(text)
    worker = Worker(tmp_path, plugin__path=f"{tmp_path}/plugins,{PLUGINS}")
    try:
        worker.start()
        assert "SIGSEGV" in worker.log()
        assert "import_b" in worker.log()
        worker.create("fine")
        worker.until_states("fine", "RUNNING", "RUNNING")
    finally:
        worker.close()
