"""`/connector-plugins`: what is installed, what it can be told, and whether a configuration is right."""

from __future__ import annotations

from headrace.rest import bodies, views
from headrace.rest.http import HttpError, Request, Response, error_from, json_response
from headrace.rest.routing import Resource, resource
from headrace.rest.version_range import VersionRange
from headrace.runtime.herder import Herder, PluginInfo

CONNECTOR_CLASS = "connector.class"


def resources(herder: Herder) -> list[Resource]:
    async def listing(request: Request) -> Response:
        connectors_only = request.flag("connectorsOnly", default=True)
        return json_response(views.plugins(await herder.plugins(connectors_only=connectors_only)))

    async def config(request: Request, plugin: str) -> Response:
        wanted = VersionRange.parse(request.first("version"))
        definitions = await herder.plugin_config(plugin)
        if wanted is not None:
            await _check_version(herder, plugin, wanted)
        return json_response(definitions)

    async def validate(request: Request, plugin: str) -> Response:
        given = bodies.config_map(request.body)
        included = given.get(CONNECTOR_CLASS)
        if included is not None and not _base(included).endswith(_base(plugin)):
            raise HttpError(400, f"Included connector type {included} does not match request type {plugin}.")
        try:
            result = await herder.validate(given)
        except Exception as error:
            # Connect wraps whatever keeps it from validating at all (no class, class not found) into a 500.
            raise HttpError(500, error_from(error).message) from error
        return json_response(views.validation(result))

    return [
        resource("/connector-plugins", GET=listing),
        resource("/connector-plugins/{plugin}/config", GET=config),
        resource("/connector-plugins/{plugin}/config/validate", PUT=validate),
    ]


def _base(name: str) -> str:
    return name.removesuffix("Connector")


async def _check_version(herder: Herder, plugin: str, wanted: VersionRange) -> None:
    installed = [info for info in await herder.plugins(connectors_only=False) if _is_named(info, plugin)]
    if not any(info.version is not None and wanted.contains(info.version) for info in installed):
        versions = ", ".join(sorted({info.version or "undefined" for info in installed})) or "none"
        raise HttpError(400, f"Plugin {plugin} is not installed in version {wanted.text}; installed: {versions}.")


def _is_named(info: PluginInfo, plugin: str) -> bool:
    simple = info.class_name.rpartition(".")[2]
    return plugin == info.class_name or simple == plugin or (bool(plugin) and simple.startswith(plugin))
