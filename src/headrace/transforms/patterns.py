"""Java's regular expressions and replacement texts in Python's terms. What Python cannot say is refused, never guessed."""

from __future__ import annotations

import re
from typing import Final

from headrace.errors import ConfigException

_NAMED_GROUP: Final = re.compile(r"\(\?<([A-Za-z][A-Za-z0-9]*)>")
_NAMED_REFERENCE: Final = re.compile(r"\\k<([A-Za-z][A-Za-z0-9]*)>")
_POSIX: Final = {
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Upper": "A-Z",
    "Lower": "a-z",
    "Punct": r"!-/:-@\[-`{-~",
    "Space": r" \t\n\x0b\f\r",
    "XDigit": "0-9a-fA-F",
}
_SAME_ESCAPES: Final = frozenset("tnrfadDsSwWbB")


def java_pattern(pattern: str, field: str) -> re.Pattern[str]:
    """The compiled pattern; `\\d`, `\\w` and `\\s` are ASCII as in Java. ConfigException (with `field`) if it has no equal."""
    try:
        return re.compile(_translate(pattern, field), re.ASCII)
    except re.error as error:
        raise ConfigException(
            f"Invalid value {pattern} for configuration {field}: Invalid regular expression: {error}", field=field
        ) from None


def _translate(pattern: str, field: str) -> str:
    out: list[str] = []
    depth = at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "\\":
            piece, at = _escape(pattern, at, depth > 0, field)
            out.append(piece)
            continue
        if depth:
            if pattern.startswith("&&", at) or (char == "[" and not pattern.startswith("[:", at)):
                raise _refused(pattern, field, "unions and intersections of character classes")
            if char == "]":
                depth = 0
        elif char == "[":
            depth = 1
            opening = "[^" if pattern.startswith("[^", at) else "["
            out.append(opening)
            at += len(opening)
            continue
        elif char == "(" and (group := _NAMED_GROUP.match(pattern, at)):
            out.append(f"(?P<{group[1]}>")
            at = group.end()
            continue
        out.append(char)
        at += 1
    return "".join(out)


def _escape(pattern: str, at: int, in_class: bool, field: str) -> tuple[str, int]:
    following = pattern[at + 1 : at + 2]
    if following == "Q":
        end = pattern.find("\\E", at)
        end = len(pattern) if end < 0 else end
        return re.escape(pattern[at + 2 : end]), min(end + 2, len(pattern))
    if following in ("p", "P"):
        named = re.compile(r"\\([pP])\{(?:Is)?(\w+)\}").match(pattern, at)
        if named is None or named[2] not in _POSIX:
            raise _refused(pattern, field, "this character property")
        inside = _POSIX[named[2]]
        if named[1] == "P":
            if in_class:
                raise _refused(pattern, field, "a negated property inside of a character class")
            return f"[^{inside}]", named.end()
        return (inside if in_class else f"[{inside}]"), named.end()
    if reference := _NAMED_REFERENCE.match(pattern, at):
        return f"(?P={reference[1]})", reference.end()
    if following == "z":
        return r"\Z", at + 2
    if following == "Z":
        return r"(?=\n?\Z)", at + 2
    if following == "A":
        return r"\A", at + 2
    if following == "h":
        return (r" \t" if in_class else r"[ \t]"), at + 2
    if following in ("x", "u"):
        code = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4}))").match(pattern, at)
        if code is None:
            raise _refused(pattern, field, f"the escape \\{following}")
        return re.escape(chr(int(code[1] or code[2], 16))), code.end()
    if following.isalpha() and following not in _SAME_ESCAPES:
        raise _refused(pattern, field, f"the escape \\{following}")
    return pattern[at : at + 2], at + 2


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
