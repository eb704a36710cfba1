"""`/connectors/{name}/offsets` (KIP-875)."""

from __future__ import annotations

from headrace.rest import bodies
from headrace.rest.http import Request, Response, json_response
from headrace.rest.routing import Resource, resource
from headrace.runtime.herder import Herder


def resources(herder: Herder) -> list[Resource]:
    async def get(request: Request, name: str) -> Response:
        return json_response({"offsets": await herder.offsets(name)})

    async def alter(request: Request, name: str) -> Response:
        offsets = bodies.offsets_request(request.body)
        return json_response({"message": await herder.alter_offsets(name, offsets)})

    async def reset(request: Request, name: str) -> Response:
        return json_response({"message": await herder.alter_offsets(name, None)})

    return [resource("/connectors/{name}/offsets", GET=get, PATCH=alter, DELETE=reset)]
