"""Where our REST answers differ from Kafka Connect's standalone worker, and why. Each entry must still be needed.

(regex of step ids, regex of the differing place, reason). Not listed, for nothing compares them: texts for people, versions, times.
"""

from __future__ import annotations

EXPLAINED: list[tuple[str, str, str]] = [
    (
        "verb .*",
        r"\.headers\.allow",
        "HTTP wants a 405 to name the verbs that are allowed; Connect's answer leaves the header out.",
    ),
    (
        r"missing (POST /restart|POST /tasks/0/restart|PUT /stop)",
        r".*",
        "A standalone worker stumbles (500) over a connector it does not know; a distributed one says 404, and so do we.",
    ),
    (
        "null-value|put-null|null-value-away",
        r".*",
        "Connect answers 500 and yet keeps the configuration with the null, as a FAILED connector; we refuse it (400) and keep nothing.",
    ),
    (
        "validate null-value",
        r".*",
        "As a null is refused when the connector is created, validation already says so at every key.",
    ),
    (
        "patch-name",
        r".*",
        "Connect lets a PATCH rename a connector inside its configuration, which then contradicts its name; we refuse it.",
    ),
    (
        r"offsets (no|null)-partition|sink offsets negative",
        r".*(status|error_code)",
        "A malformed request: 400 here, where Connect runs into an exception (500).",
    ),
    (
        "plugin .*[$](Key|Value)",
        r".*",
        "The short name of an inner class is enough here; Connect wants the full one.",
    ),
    (
        "tasks|sink-tasks",
        r".*task\.class",
        "The task's class is a Python class.",
    ),
    (
        "validate (sink-)?override",
        r".*definition",
        "Client overrides are listed with their values, without the Kafka client's definition of each: no such client is inside.",
    ),
    (
        "validate topic-creation.*",
        r".*",
        "We check and show the keys of topic creation groups; Connect finds an incomplete group only when the task starts.",
    ),
    (
        "validate predicate-missing",
        r".*(errors|error_count)",
        "A transform that names a predicate nobody declares: found here, and by Connect only at the start.",
    ),
    (
        "validate transform",
        r".*(errors|error_count)",
        "Settings of a transform that are refused when seen together: found here, and by Connect only at the start.",
    ),
    (
        "validate missing-required",
        r".*(errors|error_count)",
        "A file source without a file would read the worker's standard input, which tasks in processes of their own cannot.",
    ),
    ("logger-root", r"\.body\.level", "The recorded worker ran with a quieter log."),
]
