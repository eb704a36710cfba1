"""The way from a setting to a function of a record: the language's name, the compiled expression, errors that tell which one failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from headrace.data import ConnectRecord
from headrace.errors import ConfigException, DataException
from headrace.transforms.expressions.failures import EvaluationFailure, refused
from headrace.transforms.expressions.groovy import GroovyCompiler
from headrace.transforms.expressions.javascript import JavaScriptCompiler
from headrace.transforms.expressions.parser import parse
from headrace.transforms.expressions.reads import Read, reads

_PREFIX: Final = "jsr223."
_LANGUAGES: Final = {"groovy": "groovy", "Groovy": "groovy", "graal.js": "javascript"}
_COMPILERS: Final[dict[str, type[GroovyCompiler] | type[JavaScriptCompiler]]] = {
    "groovy": GroovyCompiler,
    "javascript": JavaScriptCompiler,
}


def language_of(name: str) -> str:
    """`groovy` or `javascript` for the value of the setting `language`. ConfigException for any other."""
    language = _LANGUAGES.get(name.removeprefix(_PREFIX)) if name.startswith(_PREFIX) else None
    if language is None:
        raise ConfigException(
            f"Invalid value {name} for configuration language: there is no such language",
            field="language",
            remedy="Give jsr223.groovy or jsr223.graal.js. Expressions of other engines, and WebAssembly modules, cannot be run here.",
        )
    return language


def reads_of(text: str, language: str, setting: str) -> frozenset[Read]:
    """What the expression, which compiles, reads of a record."""
    return reads(parse(text, language, setting))


def compile_expression(text: str, language: str, setting: str) -> Callable[[ConnectRecord], Any]:
    """The expression as a function; a text in JavaScript or Groovy, `setting` where it stands.

    ConfigException (EXPRESSION_REFUSED) for what is not understood. The function raises DataException (EXPRESSION_FAILED) where the expression
    fails for a record, such as a field there is not, or a method of null.
    """
    try:
        run = _COMPILERS[language](text, setting).compile(parse(text, language, setting))
    except RecursionError:
        raise refused(setting, text, 0, "the expression is nested too deeply") from None

    def evaluate(record: ConnectRecord) -> Any:
        try:
            return run(record)
        except (EvaluationFailure, DataException, TypeError, ValueError, ArithmeticError, AttributeError) as error:
            reason = str(error) if isinstance(error, EvaluationFailure) else f"{type(error).__name__}: {error}"
            raise DataException(
                f"Error while evaluating expression '{text}': {reason}",
                code="EXPRESSION_FAILED",
                remedy=f"Correct {setting}, or limit it to the records it is made for with topic.regex or a predicate.",
            ) from error

    return evaluate
