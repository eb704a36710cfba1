"""The task runner: what a worker's child process runs."""

from __future__ import annotations

import gc
import logging

from headrace.foundation.telemetry import Sample
from headrace.log.spi import Log
from headrace.log.stores import OffsetStore
from headrace.runtime.sink_task import SinkLoop
from headrace.runtime.source_task import SourceLoop
from headrace.runtime.task_loop import TaskListener, TaskLoop, TaskSpec, TaskSurroundings
from headrace.spi.plugins import PluginRegistry

logger = logging.getLogger(__name__)

GC_THRESHOLD = 50_000
"""Records are many, young and free of cycles: the collector's default of 700 makes it walk them for nothing, a fifth of the
CPU a sink record costs here."""

__all__ = ["TaskListener", "TaskRunner", "TaskSpec"]


class TaskRunner:
    """Runs one source or sink task. `run` is called once; every other method from any thread, also before `run`.

    ConfigException from the constructor for refused framework settings."""

    def __init__(
        self, spec: TaskSpec, *, log: Log, offsets: OffsetStore, registry: PluginRegistry, listener: TaskListener
    ) -> None:
        around = TaskSurroundings(log, offsets, registry, listener)
        self._loop: TaskLoop = SourceLoop(spec, around) if spec.kind == "source" else SinkLoop(spec, around)

    def run(self) -> None:
        """Run until stopped; raises what the task failed with. A failure after `stop` is logged, as Connect does."""
        if gc.get_threshold()[0] < GC_THRESHOLD:
            gc.set_threshold(GC_THRESHOLD, 20, 20)
        try:
            self._loop.run()
        except Exception:
            if not self._loop.stopping:
                raise
            logger.warning("The task failed after it was asked to stop.", exc_info=True)

    def pause(self) -> None:
        """Stop reading; a source finishes and commits the batch at hand, a sink keeps its partitions."""
        self._loop.pause()

    def resume(self) -> None:
        """End a pause."""
        self._loop.resume()

    def stop(self) -> None:
        """End gracefully: finish the batch at hand, commit, close. Returns at once."""
        self._loop.stop()

    def cancel(self) -> None:
        """End without committing anything more. Returns at once."""
        self._loop.cancel()

    def signal(self, id: str, type: str, data: str | None) -> None:
        """Hand an operator's signal to the task. ConfigException when it takes none, RetriableException before it has started."""
        self._loop.signal(id, type, data)

    def samples(self) -> list[Sample]:
        """All metrics of the task now."""
        return self._loop.samples()

    def progress(self) -> tuple[str, float]:
        """The stage the task is in and the monotonic time it was entered; `idle` or `retry` while it waits."""
        return self._loop.progress()
