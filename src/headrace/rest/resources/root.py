"""`/`, `/health` and `/metrics`."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Final

from headrace import __version__
from headrace.rest.http import Request, Response, json_response
from headrace.rest.routing import Resource, resource
from headrace.runtime.herder import Herder

CONNECT_VERSION: Final = "4.3.1"
"""The Kafka Connect release whose REST interface this is; clients choose their features by it."""
HEALTH_TIMEOUT_S: Final = 10.0
_HEALTH_STATUS = {"healthy": 200, "starting": 503}
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


def resources(herder: Herder, *, health_timeout_s: float = HEALTH_TIMEOUT_S) -> list[Resource]:
    version = f"{CONNECT_VERSION}-headrace{__version__}"
    commit = hashlib.sha256(version.encode()).hexdigest()[:16]

    async def root(request: Request) -> Response:
        return json_response({"version": version, "commit": commit, "kafka_cluster_id": herder.cluster_id()})

    async def health(request: Request) -> Response:
        try:
            async with asyncio.timeout(health_timeout_s):
                state, message = await herder.health()
        except TimeoutError:
            state, message = "unhealthy", f"The worker did not answer within {health_timeout_s:g} s."
        return json_response({"status": state, "message": message}, _HEALTH_STATUS.get(state, 500))

    async def metrics(request: Request) -> Response:
        return Response(200, (await herder.metrics_text()).encode(), _PROMETHEUS)

    return [
        resource("/", GET=root, consumes=False),
        resource("/health", GET=health, consumes=False),
        resource("/metrics", GET=metrics, consumes=False, produces=None),
    ]
