"""Java's regular expressions and replacement texts in Python's terms. What Python cannot say is refused, never guessed."""

from __future__ import annotations

import re

from headrace.errors import ConfigException
from headrace.transforms.java_regex import Malformed, Translator, Unsupported


def java_pattern(pattern: str, field: str) -> re.Pattern[str]:
    """The compiled pattern; `\\d`, `\\w` and `\\s` are ASCII as in Java. ConfigException (with `field`) if it has no equal."""
    try:
        return re.compile(Translator(pattern).translate(), re.ASCII)
    except Unsupported as unsupported:
        raise _refused(pattern, field, str(unsupported)) from None
    except Malformed as error:
        raise ConfigException(
            f"Invalid value {pattern} for configuration {field}: Invalid regex: {error}", field=field
        ) from None
    except (re.error, RecursionError, OverflowError) as error:
        raise _refused(pattern, field, str(error)) from None


def _refused(pattern: str, field: str, what: str) -> ConfigException:
    return ConfigException(
        f"Invalid value {pattern} for configuration {field}: {what} is not supported in regular expressions",
        field=field,
        remedy="Write the expression without it.",
    )


def java_replacement(replacement: str, pattern: re.Pattern[str], field: str) -> str:
    r"""A template for `re.Match.expand` from Java's `$1`, `${name}` and `\$`. ConfigException for a group that is not there."""
    out: list[str] = []
    at = 0
    while at < len(replacement):
        char = replacement[at]
        if char == "\\":
            if at + 1 == len(replacement):
                raise _bad_replacement(replacement, field, "character to be escaped is missing")
            out.append(_literal(replacement[at + 1]))
            at += 2
        elif char == "$":
            piece, at = _reference(replacement, at, pattern, field)
            out.append(piece)
        else:
            out.append(_literal(char))
            at += 1
    return "".join(out)


def _literal(char: str) -> str:
    return "\\\\" if char == "\\" else char


def _reference(replacement: str, at: int, pattern: re.Pattern[str], field: str) -> tuple[str, int]:
    named = re.compile(r"\$\{([A-Za-z][A-Za-z0-9]*)\}").match(replacement, at)
    if named is not None:
        if named[1] not in pattern.groupindex:
            raise _bad_replacement(replacement, field, f"No group with name {{{named[1]}}}")
        return rf"\g<{named[1]}>", named.end()
    end = at + 1
    number = -1
    # As many digits as still name a group, as Java reads them.
    while end < len(replacement) and replacement[end] in "0123456789":
        longer = max(number, 0) * 10 + int(replacement[end])
        if number >= 0 and longer > pattern.groups:
            break
        number, end = longer, end + 1
    if number < 0:
        raise _bad_replacement(replacement, field, "Illegal group reference")
    if number > pattern.groups:
        raise _bad_replacement(replacement, field, f"No group {number}")
    return rf"\g<{number}>", end


def _bad_replacement(replacement: str, field: str, reason: str) -> ConfigException:
    return ConfigException(f"Invalid value {replacement} for configuration {field}: {reason}", field=field)
