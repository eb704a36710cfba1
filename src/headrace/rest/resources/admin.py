"""`/admin/loggers` (KIP-495, KIP-976)."""

from __future__ import annotations

import logging

from headrace.errors import NotFoundException
from headrace.rest import bodies, views
from headrace.rest.http import Request, Response, empty_response, json_response
from headrace.rest.routing import Resource, resource
from headrace.runtime.herder import Herder

_log = logging.getLogger(__name__)

LEVELS = ("OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "ALL")


def resources(herder: Herder) -> list[Resource]:
    async def listing(request: Request) -> Response:
        loggers = await herder.loggers()
        return json_response({name: views.logger(*loggers[name]) for name in sorted(loggers)})

    async def get(request: Request, logger: str) -> Response:
        loggers = await herder.loggers()
        if logger not in loggers:
            raise NotFoundException(
                f"Logger {logger} not found.",
                code="LOGGER_NOT_FOUND",
                remedy="GET /admin/loggers lists the known ones.",
            )
        return json_response(views.logger(*loggers[logger]))

    async def put(request: Request, logger: str) -> Response:
        level = bodies.log_level(request.body).upper()
        if level not in LEVELS:
            raise NotFoundException(
                f"Invalid log level {level} for {logger}.",
                code="LOG_LEVEL_UNKNOWN",
                remedy=f"Use one of {', '.join(LEVELS)}.",
            )
        affected = await herder.set_log_level(logger, level)
        scope = (request.first("scope") or "worker").lower()
        if scope == "cluster":
            return empty_response(204)
        if scope != "worker":
            _log.warning("Unknown scope %r for the level of logger %s; taken as 'worker'.", scope, logger)
        return json_response(affected)

    return [
        resource("/admin/loggers", GET=listing),
        resource("/admin/loggers/{logger}", GET=get, PUT=put),
    ]
