"""`ConnectClient`: the Connect REST interface of any cluster, ours or the JVM's, as typed calls.

    client = ConnectClient("http://localhost:8083")
    client.put_config("orders", {"connector.class": "…"})
    client.status("orders").connector.state

Answers of 409 (a cluster that rebalances) are tried again with growing pauses; a name already taken is not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from headrace.client import failures
from headrace.client.models import (
    ClusterInfo,
    Connector,
    Expanded,
    Instance,
    Logger,
    Offset,
    Plugin,
    Status,
    Task,
    Validation,
)
from headrace.errors import ConfigException, ConnectException

if TYPE_CHECKING:
    import httpx

DEFAULT_TIMEOUT_S: Final = 95.0
"""A little more than the 90 s after which a worker itself gives up."""
_FIRST_PAUSE_S: Final = 0.2
_LONGEST_PAUSE_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer; `json` None for an empty body."""

    status: int
    json: Any


class ConnectClient:
    """One cluster, at the address of any of its workers (a path before Connect's own is kept).

    `auth`: user and password for HTTP Basic; `verify`: False, or a file of certificates to trust; `timeout_s`: for one request;
    `retries`: how often a 409 is tried again. All calls raise errors of headrace.errors: NotFoundException (404),
    AlreadyExistsException, ConfigException (400), IllegalStateException (400 on offsets, 403), RetriableException (a lasting 409),
    ConnectException (REST_UNREACHABLE, REST_UNAUTHORIZED, anything else). Not for use by several threads at once.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: tuple[str, str] | None = None,
        verify: bool | str = True,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retries: int = 5,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = _checked_url(url)
        self._auth = auth
        self._verify = verify
        self._timeout_s = timeout_s
        self._retries = retries
        self._transport = transport
        self._sleep = sleep
        self._http: httpx.Client | None = None

    def __enter__(self) -> ConnectClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the client may be used again."""
        if self._http is not None:
            self._http.close()
            self._http = None

    # -- the cluster

    def cluster(self) -> ClusterInfo:
        return ClusterInfo.of(self.request("GET", "/").json)

    def connectors(self) -> list[str]:
        """The connectors' names, sorted."""
        return sorted(self.request("GET", "/connectors").json)

    def expanded(self) -> dict[str, Expanded]:
        """All connectors with status and configuration, sorted by name."""
        found = self.request("GET", "/connectors?expand=status&expand=info").json
        return {name: Expanded.of(found[name]) for name in sorted(found)}

    # -- one connector

    def connector(self, name: str) -> Connector:
        return Connector.of(self.request("GET", _path(name)).json)

    def config(self, name: str) -> dict[str, str]:
        return dict(self.request("GET", _path(name, "config")).json)

    def status(self, name: str) -> Status:
        return Status.of(self.request("GET", _path(name, "status")).json)

    def create(self, name: str, config: Mapping[str, str | None], *, initial_state: str | None = None) -> Connector:
        """AlreadyExistsException when there is a connector of that name."""
        body: dict[str, Any] = {"name": name, "config": dict(config)}
        if initial_state is not None:
            body["initial_state"] = initial_state
        return Connector.of(self.request("POST", "/connectors", body, creates=name).json)

    def put_config(self, name: str, config: Mapping[str, str | None]) -> tuple[bool, Connector]:
        """Create or replace; (whether it was created, the connector)."""
        answer = self.request("PUT", _path(name, "config"), dict(config))
        return answer.status == 201, Connector.of(answer.json)

    def patch_config(self, name: str, patch: Mapping[str, str | None]) -> Connector:
        """Merge; None deletes a key. Kafka 3.8 and later."""
        return Connector.of(self.request("PATCH", _path(name, "config"), dict(patch)).json)

    def delete(self, name: str) -> None:
        self.request("DELETE", _path(name))

    def pause(self, name: str) -> None:
        self.request("PUT", _path(name, "pause"))

    def resume(self, name: str) -> None:
        self.request("PUT", _path(name, "resume"))

    def stop(self, name: str) -> None:
        self.request("PUT", _path(name, "stop"))

    def restart(self, name: str, *, include_tasks: bool = False, only_failed: bool = False) -> Status | None:
        """The status with the instances chosen shown as RESTARTING; None for the plain form, which is the connector alone."""
        query = f"?includeTasks={str(include_tasks).lower()}&onlyFailed={str(only_failed).lower()}"
        answer = self.request("POST", _path(name, "restart") + (query if include_tasks or only_failed else ""))
        return Status.of(answer.json) if answer.json else None

    # -- tasks and topics

    def tasks(self, name: str) -> list[Task]:
        return [Task.of(task) for task in self.request("GET", _path(name, "tasks")).json]

    def task_status(self, name: str, task: int) -> Instance:
        return Instance.of(self.request("GET", _path(name, "tasks", str(task), "status")).json)

    def restart_task(self, name: str, task: int) -> None:
        self.request("POST", _path(name, "tasks", str(task), "restart"))

    def topics(self, name: str) -> list[str]:
        return list(self.request("GET", _path(name, "topics")).json[name]["topics"])

    def reset_topics(self, name: str) -> None:
        self.request("PUT", _path(name, "topics", "reset"))

    # -- signals (headrace's own)

    def signal(self, name: str, type: str, data: Any = None, *, id: str | None = None) -> str:
        """Send a signal to a running connector; `data`: what JSON can show. Its id is returned."""
        body = {"type": type, **({} if data is None else {"data": data}), **({} if id is None else {"id": id})}
        return str(self.request("POST", _path(name, "signals"), body).json["id"])

    def notifications(self, name: str) -> list[dict[str, Any]]:
        """What the connector's tasks told last, the oldest first."""
        return list(self.request("GET", _path(name, "notifications")).json)

    # -- offsets

    def offsets(self, name: str) -> list[Offset]:
        return [Offset.of(item) for item in self.request("GET", _path(name, "offsets")).json["offsets"]]

    def alter_offsets(self, name: str, offsets: Iterable[Offset]) -> str:
        """The worker's message. IllegalStateException unless the connector is stopped."""
        body = {"offsets": [{"partition": item.partition, "offset": item.offset} for item in offsets]}
        return str(self.request("PATCH", _path(name, "offsets"), body, offsets=True).json["message"])

    def reset_offsets(self, name: str) -> str:
        return str(self.request("DELETE", _path(name, "offsets"), offsets=True).json["message"])

    # -- plugins and loggers

    def plugins(self, *, connectors_only: bool = True) -> list[Plugin]:
        query = "" if connectors_only else "?connectorsOnly=false"
        return [Plugin.of(item) for item in self.request("GET", f"/connector-plugins{query}").json]

    def plugin_config(self, plugin: str) -> list[dict[str, Any]]:
        """The definitions of a plugin's keys, as JSON."""
        return list(self.request("GET", f"/connector-plugins/{quote(plugin, safe='')}/config").json)

    def validate(self, config: Mapping[str, str | None], plugin: str | None = None) -> Validation:
        """`plugin`: by default the configuration's own connector.class. ConfigException without one."""
        plugin = plugin or config.get("connector.class")
        if not plugin:
            raise ConfigException(
                "The configuration has no connector.class.",
                code="CONFIG_MISSING",
                field="connector.class",
                remedy="Add it.",
            )
        path = f"/connector-plugins/{quote(plugin.rpartition('.')[2], safe='')}/config/validate"
        return Validation.of(self.request("PUT", path, dict(config)).json)

    def loggers(self) -> list[Logger]:
        found = self.request("GET", "/admin/loggers").json
        return [Logger.of(name, found[name]) for name in sorted(found)]

    def set_level(self, logger: str, level: str, *, cluster: bool = False) -> list[str]:
        """The loggers affected on the worker asked; with `cluster` on all workers, which are not told."""
        path = f"/admin/loggers/{quote(logger, safe='')}" + ("?scope=cluster" if cluster else "")
        return list(self.request("PUT", path, {"level": level}).json or ())

    # -- the wire

    def request(
        self, method: str, path: str, body: Any = None, *, offsets: bool = False, creates: str | None = None
    ) -> Answer:
        """Any request, `path` with its query and already encoded. `creates`: the name a 409 may be about."""
        for attempt in range(self._retries + 1):
            response = self._send(method, path, body)
            if response.is_success:
                return _answer(response)
            taken = response.status_code == 409 and creates is not None and self._exists(creates)
            if response.status_code != 409 or taken or attempt == self._retries:
                what = f"{method} {self.url}{path}"
                raise failures.failure(response.status_code, response.content, what, offsets=offsets, taken=taken)
            self._sleep(min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S))
        raise AssertionError("unreachable")

    def _exists(self, name: str) -> bool:
        return bool(self._send("GET", _path(name), None).is_success)

    def _send(self, method: str, path: str, body: Any) -> httpx.Response:
        import httpx

        if self._http is None:
            self._http = httpx.Client(
                auth=self._auth,
                verify=self._verify if isinstance(self._verify, bool) else _trusting(self._verify),
                timeout=self._timeout_s,
                transport=self._transport,
                headers={"Accept": "application/json"},
            )
        try:
            return (
                self._http.request(method, self.url + path, json=body)
                if body is not None
                else self._http.request(method, self.url + path)
            )
        except httpx.HTTPError as error:
            raise failures.unreachable(self.url, str(error) or type(error).__name__) from error


def _answer(response: httpx.Response) -> Answer:
    if not response.content:
        return Answer(response.status_code, None)
    try:
        return Answer(response.status_code, response.json())
    except ValueError:
        raise ConnectException(
            f"{response.request.method} {response.request.url} was answered with something that is not JSON.",
            code=failures.NOT_CONNECT,
            remedy="Check that the address is that of a Connect worker.",
        ) from None


def _trusting(file: str) -> Any:
    import ssl

    return ssl.create_default_context(cafile=file)


def _path(name: str, *rest: str) -> str:
    return "/".join(["/connectors", quote(name, safe=""), *rest])


def _checked_url(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.lower() not in ("http", "https") or not rest.strip("/"):
        raise ConfigException(
            f"{url!r} is no address of a Connect worker.",
            field="url",
            remedy="Use a URL such as http://localhost:8083.",
        )
    return url.rstrip("/")
