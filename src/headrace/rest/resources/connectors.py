"""`/connectors`: the collection, one connector's configuration, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from headrace.errors import ConfigException, NotFoundException
from headrace.rest import bodies, views
from headrace.rest.http import HttpError, Request, Response, empty_response, json_response
from headrace.rest.routing import Resource, resource
from headrace.runtime.herder import ConnectorInfo, Herder

UNKNOWN_CLASS = "PLUGIN_NOT_FOUND"


def resources(herder: Herder) -> list[Resource]:
    async def listing(request: Request) -> Response:
        names = await herder.connectors()
        expand = request.query.get("expand")
        return json_response(names if not expand else await _expanded(herder, names, set(expand)))

    async def create(request: Request) -> Response:
        body = bodies.create_request(request.body)
        check_name(body.name)
        return await _put(
            herder, request, body.name, body.config, allow_replace=False, initial_state=body.initial_state
        )

    async def get(request: Request, name: str) -> Response:
        return json_response(views.info(await herder.connector_info(name)))

    async def delete(request: Request, name: str) -> Response:
        await herder.delete_connector(name)
        return empty_response(204)

    async def get_config(request: Request, name: str) -> Response:
        return json_response((await herder.connector_info(name)).config)

    async def put_config(request: Request, name: str) -> Response:
        config = bodies.config_map(request.body)
        check_name(name)
        return await _put(herder, request, name, config, allow_replace=True)

    async def patch_config(request: Request, name: str) -> Response:
        patch = bodies.config_map(request.body)
        _check_same_name(name, patch)
        try:
            return json_response(views.info(await herder.patch_connector(name, patch)))
        except NotFoundException as error:
            raise _as_config_error(error) from error

    return [
        resource("/connectors", GET=listing, POST=create),
        resource("/connectors/{name}", GET=get, DELETE=delete),
        resource("/connectors/{name}/config", GET=get_config, PUT=put_config, PATCH=patch_config),
    ]


async def _expanded(herder: Herder, names: list[str], expand: set[str]) -> dict[str, dict[str, Any]]:
    """A connector that has no status, or has just been deleted, is left out."""
    result: dict[str, dict[str, Any]] = {}
    for name in names:
        entry: dict[str, Any] = {}
        try:
            if "status" in expand:
                entry["status"] = views.status(await herder.connector_status(name))
            if "info" in expand:
                entry["info"] = views.info(await herder.connector_info(name))
        except NotFoundException:
            continue
        result[name] = entry
    return result


async def _put(herder: Herder, request: Request, name: str, config: Mapping[str, str | None], **how: Any) -> Response:
    _check_same_name(name, config)
    try:
        created, info = await herder.put_connector(name, {**config, "name": name}, **how)
    except NotFoundException as error:
        raise _as_config_error(error) from error
    return _stored(request, info, created=created)


def _stored(request: Request, info: ConnectorInfo, *, created: bool) -> Response:
    if not created:
        return json_response(views.info(info))
    location = f"{request.base_url}/connectors/{quote(info.name, safe='')}"
    return json_response(views.info(info), 201, [("Location", location)])


def check_name(name: str) -> None:
    """ConfigException for a name no connector can have: empty, or with ISO control characters."""
    if not name:
        raise ConfigException("The connector's name is missing or empty.", field="name", remedy="Give it a name.")
    if any(ord(char) < 0x20 or 0x7F <= ord(char) <= 0x9F for char in name):
        raise ConfigException(
            f"The connector's name {name!r} holds control characters.", field="name", remedy="Use printable characters."
        )


def _check_same_name(name: str, config: Mapping[str, str | None]) -> None:
    included = config.get("name", name)
    if included != name:
        raise HttpError(400, f"Connector name configuration ({included}) doesn't match connector name ({name}).")


def _as_config_error(error: NotFoundException) -> Exception:
    """A class that is not installed is a mistake in the configuration sent, not a missing resource."""
    return HttpError(400, str(error)) if error.code == UNKNOWN_CLASS else error
