"""Precedence of operators, constants and reserved words of both languages. Source: the grammars of Groovy 4 and ECMAScript 2024."""

from __future__ import annotations

from typing import Any, Final

LEVELS: Final[dict[str, list[str]]] = {
    "groovy": [
        "||",
        "&&",
        "|",
        "^",
        "&",
        "=~ ==~",
        "== != <=>",
        "< > <= >= in !in as instanceof",
        ".. ..<",
        "+ -",
        "* / %",
        "**",
    ],
    "javascript": ["??", "||", "&&", "|", "^", "&", "== != === !==", "< > <= >= in", "+ -", "* / %", "**"],
}
PRECEDENCE: Final = {
    language: {operator: level for level, line in enumerate(levels, 1) for operator in line.split()}
    for language, levels in LEVELS.items()
}
POWER: Final = {language: table["**"] for language, table in PRECEDENCE.items()}
CONSTANTS: Final[dict[str, dict[str, Any]]] = {
    "groovy": {"null": None, "true": True, "false": False},
    "javascript": {"null": None, "true": True, "false": False, "NaN": float("nan"), "Infinity": float("inf")},
}
RESERVED: Final = frozenset(
    [
        "new",
        "def",
        "var",
        "let",
        "const",
        "function",
        "class",
        "import",
        "package",
        "if",
        "else",
        "for",
        "while",
        "do",
        "switch",
        "case",
        "try",
        "catch",
        "finally",
        "throw",
        "return",
        "break",
        "continue",
        "delete",
        "void",
        "yield",
        "await",
        "async",
        "this",
        "super",
        "assert",
        "instanceof",
        "typeof",
        "as",
        "in",
    ]
)
HINTS: Final = {
    "=": "expressions cannot assign; == compares",
    "===": "=== compares identities in Groovy, which records do not keep; write ==",
    "!==": "!== compares identities in Groovy, which records do not keep; write !=",
    ";": "only one expression is possible",
    "++": "expressions cannot assign",
    "--": "expressions cannot assign",
    "->": "closures are possible in any, every, find and count only",
    "=>": "functions are possible in some, every, find and filter only",
}
DEPTH: Final = 100
CLOSURES: Final = frozenset({"any", "every", "some", "find", "findAll", "filter", "count"})
