"""Compiles expressions of Groovy into closures. What they give is what Groovy 4 gives; what is not known is refused before any record comes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from headrace.data import ConnectRecord, Struct
from headrace.transforms.expressions import groovy_arithmetic as arithmetic
from headrace.transforms.expressions import groovy_members as members
from headrace.transforms.expressions import groovy_operators as operators
from headrace.transforms.expressions import syntax
from headrace.transforms.expressions.arity import method_takes
from headrace.transforms.expressions.closures import Run, closure
from headrace.transforms.expressions.failures import refused
from headrace.transforms.expressions.groovy_methods import KINDS, METHODS
from headrace.transforms.expressions.groovy_shortcuts import (
    constant_texts,
    equals_text,
    gives_boolean,
    is_null,
    names_schema,
    numbers,
)
from headrace.transforms.expressions.values import GString, HeaderMap, exact_field, field_value, java_text

NAMES: Final[dict[str, Run]] = {
    "value": lambda record: record.value,
    "key": lambda record: record.key,
    "valueSchema": lambda record: record.value_schema,
    "keySchema": lambda record: record.key_schema,
    "topic": lambda record: record.topic,
    "header": lambda record: HeaderMap(record.header_items),
}
_ORDER: Final[dict[str, Callable[[int], bool]]] = {
    "<": lambda sign: sign < 0,
    ">": lambda sign: sign > 0,
    "<=": lambda sign: sign <= 0,
    ">=": lambda sign: sign >= 0,
}
_ARITHMETIC: Final = frozenset({"+", "-", "*", "/", "%", "**"})
_OF_JAVA: Final = frozenset({"values", "class", "metaClass"})


class GroovyCompiler:
    """Makes a closure of a record out of each node. `exact`: whether numbers must come with their width."""

    def __init__(self, text: str, setting: str) -> None:
        self._text, self._setting = text, setting
        self._cells: dict[str, list[Any]] = {}

    def compile(self, node: syntax.Node) -> Run:
        """The expression as a closure. ConfigException for a name, method or operator that is not known."""
        return self._node(node, False)

    def _refuse(self, at: int, reason: str, remedy: str | None = None) -> Exception:
        return refused(self._setting, self._text, at, reason, remedy)

    def _node(self, node: syntax.Node, exact: bool) -> Run:
        method: Callable[[Any, bool], Run] = getattr(self, f"_{type(node).__name__.lower()}")
        return method(node, exact)

    def _truth(self, node: syntax.Node) -> Callable[[ConnectRecord], bool]:
        run = self._node(node, False)
        if gives_boolean(node):
            return run
        truth = operators.truth
        return lambda record: truth(run(record))

    def _literal(self, node: syntax.Literal, exact: bool) -> Run:
        value = node.value
        return lambda record: value

    def _group(self, node: syntax.Group, exact: bool) -> Run:
        return self._node(node.inner, exact)

    def _name(self, node: syntax.Name, exact: bool) -> Run:
        cell = self._cells.get(node.name)
        if cell is not None:
            return lambda record: cell[0]
        known = NAMES.get(node.name)
        if known is None:
            remedy = f"There are {', '.join(NAMES)}."
            raise self._refuse(node.at, f"unknown name '{node.name}'", remedy)
        return known

    def _member(self, node: syntax.Member, exact: bool) -> Run:
        target, name, safe = self._node(node.target, exact), node.name, node.safe
        if name in _OF_JAVA:
            raise self._refuse(
                node.at,
                f"'.{name}' names something of Java, no field",
                f"Write .get('{name}') for a field of that name.",
            )
        get = exact_field if exact else field_value
        own = name == "schema"
        prop = members.prop

        def run(record: ConnectRecord) -> Any:
            found = target(record)
            if found.__class__ is Struct and not own:
                return get(found, name)
            if safe and found is None:
                return None
            return prop(found, name)

        return run

    def _index(self, node: syntax.Index, exact: bool) -> Run:
        target, index, safe = self._node(node.target, True), self._node(node.index, True), node.safe
        return lambda record: None if (found := target(record)) is None and safe else members.item(found, index(record))

    def _call(self, node: syntax.Call, exact: bool) -> Run:
        if node.target is None:
            raise self._refuse(node.at, f"unknown function '{node.name}'")
        target, name, safe = self._node(node.target, True), node.name, node.safe
        if name not in METHODS:
            raise self._refuse(node.at, f"the method '{name}' is not supported")
        if name not in ("toString", "equals") and not method_takes(KINDS, name, len(node.arguments)):
            raise self._refuse(node.at, f"the method '{name}' is not supported with {len(node.arguments)} arguments")
        arguments = [self._node(argument, True) for argument in node.arguments]
        call = members.call

        def run(record: ConnectRecord) -> Any:
            found = target(record)
            if safe and found is None:
                return None
            return call(found, name, [argument(record) for argument in arguments])

        return run

    def _closure(self, node: syntax.Closure, exact: bool) -> Run:
        return closure(self._cells, node.parameter, lambda: self._node(node.body, True))

    def _unary(self, node: syntax.Unary, exact: bool) -> Run:
        if node.operator == "!":
            inner = self._truth(node.operand)
            return lambda record: not inner(record)
        operand = self._node(node.operand, True)
        if node.operator == "-":
            return lambda record: arithmetic.negative(operand(record))
        return lambda record: arithmetic.negative(arithmetic.negative(operand(record)))

    def _binary(self, node: syntax.Binary, exact: bool) -> Run:
        operator = node.operator
        if operator in ("&&", "||"):
            return self._logical(node)
        if operator in ("==", "!="):
            return self._equality(node)
        if operator == "?:":
            left, right = self._node(node.left, exact), self._node(node.right, exact)
            return lambda record: found if operators.truth(found := left(record)) else right(record)
        if operator in _ORDER:
            return self._ordering(node, _ORDER[operator])
        one, other = self._node(node.left, True), self._node(node.right, True)
        if operator in _ARITHMETIC:
            calculate = arithmetic.arithmetic(operator)
            return lambda record: calculate(one(record), other(record))
        if operator in ("&", "|", "^"):
            combine = arithmetic.bitwise(operator)
            return lambda record: combine(one(record), other(record))
        if operator in ("in", "!in"):
            wanted = operator == "in"
            texts = constant_texts(node.right)
            if texts is not None:
                return lambda record: (
                    (
                        found in texts
                        if (found := one(record)).__class__ is str
                        else operators.contained(found, other(record))
                    )
                    is wanted
                )
            return lambda record: operators.contained(one(record), other(record)) is wanted
        return self._other(operator, one, other)

    def _other(self, operator: str, one: Run, other: Run) -> Run:
        match operator:
            case "=~":
                return lambda record: operators.Matches(
                    operators.pattern_of(java_text(other(record))), java_text(one(record))
                )
            case "==~":
                return lambda record: (
                    operators.pattern_of(java_text(other(record))).fullmatch(java_text(one(record))) is not None
                )
            case "<=>":
                return lambda record: operators.compare(one(record), other(record))
        last = 1 if operator == ".." else 0
        return lambda record: numbers(one(record), other(record), last)

    def _logical(self, node: syntax.Binary) -> Run:
        tests = tuple(self._truth(operand) for operand in syntax.chain(node))
        if len(tests) == 2:
            left, right = tests
            if node.operator == "&&":
                return lambda record: left(record) and right(record)
            return lambda record: left(record) or right(record)
        ending = node.operator == "||"

        def run(record: ConnectRecord) -> bool:
            for test in tests:
                if test(record) is ending:
                    return ending
            return not ending

        return run

    def _equality(self, node: syntax.Binary) -> Run:
        self._check_schema(node)
        wanted = node.operator == "=="
        left, right = self._node(node.left, False), self._node(node.right, False)
        equal = operators.equal
        for side, constant in ((left, node.right), (right, node.left)):
            if isinstance(constant, syntax.Literal) and isinstance(constant.value, str):
                return equals_text(side, constant.value, wanted)
            if isinstance(constant, syntax.Literal) and constant.value is None:
                return partial(is_null, side, wanted)
        return lambda record: equal(left(record), right(record)) is wanted

    def _check_schema(self, node: syntax.Binary) -> None:
        for side, other in ((node.left, node.right), (node.right, node.left)):
            is_text = isinstance(other, syntax.Literal) and isinstance(other.value, str)
            if is_text and names_schema(side):
                raise self._refuse(
                    side.at,
                    "'.schema' names the struct's own schema in Groovy, which never equals a text",
                    "Write .get('schema') for the field.",
                )

    def _ordering(self, node: syntax.Binary, test: Callable[[int], bool]) -> Run:
        left, right, compare = self._node(node.left, False), self._node(node.right, False), operators.compare
        return lambda record: test(compare(left(record), right(record)))

    def _conditional(self, node: syntax.Conditional, exact: bool) -> Run:
        test, then, otherwise = self._truth(node.test), self._node(node.then, exact), self._node(node.otherwise, exact)
        return lambda record: then(record) if test(record) else otherwise(record)

    def _convert(self, node: syntax.Convert, exact: bool) -> Run:
        operand = self._node(node.operand, True)
        known: dict[str, Callable[[Any], Any]] = members.CONVERSIONS if node.operator == "as" else members.INSTANCES
        convert = known.get(node.type)
        if convert is None:
            raise self._refuse(
                node.at, f"'{node.operator} {node.type}' is not supported", f"There are {', '.join(known)}."
            )
        if node.operator == "as":
            return lambda record: None if (found := operand(record)) is None else convert(found)
        return lambda record: convert(operand(record))

    def _listing(self, node: syntax.Listing, exact: bool) -> Run:
        items = [self._node(item, True) for item in node.items]
        if all(isinstance(item, syntax.Literal) for item in node.items):
            constant = [item.value for item in node.items if isinstance(item, syntax.Literal)]
            return lambda record: constant
        return lambda record: [item(record) for item in items]

    def _mapping(self, node: syntax.Mapping, exact: bool) -> Run:
        entries = [(self._node(key, True), self._node(value, True)) for key, value in node.entries]
        return lambda record: {key(record): value(record) for key, value in entries}

    def _template(self, node: syntax.Template, exact: bool) -> Run:
        parts = [part if isinstance(part, str) else self._node(part, True) for part in node.parts]
        return lambda record: GString(
            "".join(part if isinstance(part, str) else java_text(part(record)) for part in parts)
        )
