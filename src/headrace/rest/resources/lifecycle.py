"""`/connectors/{name}/…`: status, tasks, restart, pause, resume, stop, topics, and the worker-to-worker paths."""

from __future__ import annotations

from headrace.errors import NotFoundException
from headrace.rest import views
from headrace.rest.http import HttpError, Request, Response, empty_response, json_response
from headrace.rest.routing import Handler, Resource, resource
from headrace.runtime.herder import Herder, TargetState


def resources(herder: Herder, *, tasks_config: bool = False) -> list[Resource]:
    """`tasks_config`: also serve the path GET /connectors/{name}/tasks-config, which Connect 4 dropped."""

    async def status(request: Request, name: str) -> Response:
        return json_response(views.status(await herder.connector_status(name)))

    async def restart(request: Request, name: str) -> Response:
        include_tasks, only_failed = request.flag("includeTasks"), request.flag("onlyFailed")
        plan = await herder.restart(name, include_tasks=include_tasks, only_failed=only_failed)
        if include_tasks or only_failed:
            return json_response(views.status(plan), 202)
        return empty_response(204)

    async def tasks(request: Request, name: str) -> Response:
        return json_response(views.tasks(name, await herder.task_configs(name)))

    async def old_tasks_config(request: Request, name: str) -> Response:
        configs = await herder.task_configs(name)
        return json_response({f"{name}-{index}": config for index, config in enumerate(configs)})

    async def task_status(request: Request, name: str, task: int) -> Response:
        for instance in (await herder.connector_status(name)).tasks:
            if instance.task_id == task:
                return json_response(views.task_status(instance))
        raise NotFoundException(f"No status found for task {name}-{task}.", code="TASK_NOT_FOUND")

    async def restart_task(request: Request, name: str, task: int) -> Response:
        await herder.restart_task(name, task)
        return empty_response(204)

    async def topics(request: Request, name: str) -> Response:
        return json_response({name: {"topics": await herder.active_topics(name)}})

    async def reset_topics(request: Request, name: str) -> Response:
        await herder.reset_active_topics(name)
        return empty_response(202)

    paths = [
        resource("/connectors/{name}/status", GET=status),
        resource("/connectors/{name}/restart", POST=restart),
        resource("/connectors/{name}/pause", PUT=_target(herder, TargetState.PAUSED, 202)),
        resource("/connectors/{name}/resume", PUT=_target(herder, TargetState.STARTED, 202)),
        resource("/connectors/{name}/stop", PUT=_target(herder, TargetState.STOPPED, 204)),
        resource("/connectors/{name}/tasks", GET=tasks, POST=_unsupported("task configurations")),
        resource("/connectors/{name}/fence", PUT=_unsupported("fencing")),
        resource("/connectors/{name}/tasks/{task:int}/status", GET=task_status),
        resource("/connectors/{name}/tasks/{task:int}/restart", POST=restart_task),
        resource("/connectors/{name}/topics", GET=topics),
        resource("/connectors/{name}/topics/reset", PUT=reset_topics),
    ]
    if tasks_config:
        paths.append(resource("/connectors/{name}/tasks-config", GET=old_tasks_config))
    return paths


def _target(herder: Herder, state: TargetState, status: int) -> Handler:
    async def handler(request: Request, name: str) -> Response:
        await herder.set_target_state(name, state)
        return empty_response(status)

    return handler


def _unsupported(what: str) -> Handler:
    async def handler(request: Request, name: str) -> Response:
        raise HttpError(500, f"A standalone worker does not take {what} for {name} from other workers.")

    return handler
