"""Wires a worker together and runs it in the foreground."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from headrace import __version__, native
from headrace.config.properties import parse_properties
from headrace.errors import HeadraceError
from headrace.foundation import logs
from headrace.log.factory import open_stores
from headrace.rest.server import serve
from headrace.runtime.hosting.host import Host
from headrace.runtime.hosting.spawner import ForkSpawner, spawner
from headrace.runtime.hosting.supervision import Limits
from headrace.runtime.standalone.connector_files import read_connector_file, read_text
from headrace.runtime.standalone.data_dir import DataDir
from headrace.runtime.standalone.documents import Documents
from headrace.runtime.standalone.herder import StandaloneHerder
from headrace.runtime.worker_config import WorkerConfig, parse_worker_config

logger = logging.getLogger("headrace")

EXIT_CONFIG = 2
EXIT_CONNECTOR_FILE = 3
EXIT_FAILED = 1


def run_standalone(properties_path: str | Path, connector_files: Sequence[str | Path] = ()) -> int:
    """Run a standalone worker until SIGTERM, SIGINT or SIGHUP; returns the exit code: 0, 2 for a bad configuration, 3 for a bad connector
    file, 1 for any other fatal error. Logs to standard error. The REST address is logged and written to `<data dir>/rest.url`."""
    logs.setup(logs.LogSettings())
    try:
        return asyncio.run(_standalone(Path(properties_path), [Path(path) for path in connector_files]))
    except HeadraceError as error:
        logger.critical("%s", error)
        return EXIT_CONFIG if error.default_code == "CONFIG_INVALID" else EXIT_FAILED
    except Exception:
        logger.critical("The worker ends after an unexpected error.", exc_info=True)
        return EXIT_FAILED


async def _standalone(properties_path: Path, connector_files: Sequence[Path]) -> int:
    began = time.monotonic()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            continue  # started with nohup
        asyncio.get_running_loop().add_signal_handler(number, _asked_to_stop, stop)
    config = await _worker_config(properties_path)
    logs.setup(config.logs)
    data = DataDir(config.data_dir)
    data.acquire()
    try:
        host = Host(
            spawner(config.values["headrace.task.isolation"], (data.lock_fd,)),
            config.text,
            config.logs,
            config.limits,
            config.seconds("headrace.plugin.call.timeout.ms"),
        )
        await host.start()
        herder = StandaloneHerder(config, host, Documents(lambda: open_stores(config.text)))
        try:
            await herder.load()
            return await _run(config, data, host, herder, connector_files, stop, began)
        finally:
            await herder.close()
            await host.close()
            logger.info("Worker stopped.")
    finally:
        data.release()


def _asked_to_stop(stop: asyncio.Event) -> None:
    if stop.is_set():
        os._exit(130)  # asked twice: whoever asks does not want to wait; the children see the worker go and end
    stop.set()


async def _worker_config(path: Path) -> WorkerConfig:
    """The worker's properties, references resolved: in a child, for config providers are plugins."""
    properties = parse_properties(read_text(path))
    if properties.get("config.providers") and any("${" in value for value in properties.values()):
        host = Host(ForkSpawner(), properties, logs.LogSettings(), Limits())
        await host.start()
        try:
            properties = await host.call("resolve_worker", {"config": properties})
        finally:
            await host.close()
    return parse_worker_config(properties)


async def _run(
    config: WorkerConfig,
    data: DataDir,
    host: Host,
    herder: StandaloneHerder,
    connector_files: Sequence[Path],
    stop: asyncio.Event,
    began: float,
) -> int:
    bound: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
    rest = asyncio.create_task(serve(herder, config.rest_text, on_bound=bound.set_result, stop=stop))
    await asyncio.wait((rest, bound), return_when=asyncio.FIRST_COMPLETED)
    if not bound.done():
        rest.result()
        return 0  # asked to stop before it was up
    url = bound.result()[0]
    data.publish(url)
    await herder.start(_worker_id(config, url))
    logger.info(
        "headrace %s serves %s after %.2f s; data in %s", __version__, url, time.monotonic() - began, data.folder
    )
    if native.IMPLEMENTATION == "python":
        logger.warning(
            "The work per row is done in Python, which is several times slower than the Rust core: %s.",
            "HEADRACE_IMPL asks for it" if os.environ.get("HEADRACE_IMPL") else "this package was built without cargo",
        )
    maintenance = asyncio.create_task(_maintain(host, config))
    try:
        for path in connector_files:
            try:
                file = read_connector_file(path)
                await herder.apply_file(file.name, file.config, file.initial_state)
            except HeadraceError as error:
                logger.critical("Connector file %s: %s", path, error)
                return EXIT_CONNECTOR_FILE
        await rest
        return 0
    finally:
        maintenance.cancel()
        stop.set()
        await asyncio.wait((rest,))


def _worker_id(config: WorkerConfig, url: str) -> str:
    host, _, port = url.rpartition("://")[2].rpartition(":")
    return f"{config.values['rest.advertised.host.name'] or host}:{config.values['rest.advertised.port'] or port}"


async def _maintain(host: Host, config: WorkerConfig) -> None:
    """Let the log apply retention and compaction now and then, in a process of its own: it may take long. Kafka does so by itself."""
    while not config.on_kafka:
        await asyncio.sleep(config.seconds("headrace.log.maintenance.interval.ms"))
        try:
            removed = await host.call("maintain", {}, timeout_s=3600)
        except HeadraceError as error:
            logger.warning("The log's maintenance failed and will be tried again: %s", error)
            continue
        if any(removed.values()):
            logger.info("The log was maintained: %s", ", ".join(f"{name} {count}" for name, count in removed.items()))
