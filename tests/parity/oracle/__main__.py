"""Serves requests: one JSON object a line on stdin, one answer a line on stdout, until stdin ends. Run: `.oracle/bin/python tests/parity/oracle`."""

from __future__ import annotations

import json
import os
import sys

from jvm import start


def main() -> None:
    # Whatever Java or a library prints must not land between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    start()
    from calls import CALLS, describe

    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = CALLS[request["op"]](request)
        except Exception as error:
            answer = {"error": {"stage": "input", **describe(error)}}
        if not isinstance(answer, str):
            answer = json.dumps(answer, separators=(",", ":"), ensure_ascii=False)
        answers.write(answer + "\n")
        answers.flush()


main()
