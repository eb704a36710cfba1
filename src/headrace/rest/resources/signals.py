"""`/connectors/{name}/signals` and `/notifications`: what Debezium offers over JMX. Both are this worker's own; Connect has no such paths."""

from __future__ import annotations

import uuid

from headrace.rest import bodies
from headrace.rest.http import Request, Response, json_response
from headrace.rest.routing import Resource, resource
from headrace.runtime.herder import Herder


def resources(herder: Herder) -> list[Resource]:
    async def signal(request: Request, name: str) -> Response:
        """202: the tasks have it; what they make of it, their log and their notifications say."""
        id, type, data = bodies.signal_request(request.body)
        id = id or str(uuid.uuid4())
        await herder.signal(name, id, type, data)
        return json_response({"id": id}, 202)

    async def notifications(request: Request, name: str) -> Response:
        return json_response(await herder.notifications(name))

    return [
        resource("/connectors/{name}/signals", POST=signal),
        resource("/connectors/{name}/notifications", GET=notifications),
    ]
