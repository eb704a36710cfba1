"""RegexRouter, TopicNameMatches and the other predicates: Java's regular expressions and replacements on many topics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.parity.corpus._records import GROUPS, sided
from tests.parity.forms import Form, data, i64, record, schema

_KAFKA = "org.apache.kafka.connect.transforms."
ROUTER, MATCHES = _KAFKA + "RegexRouter", _KAFKA + "predicates.TopicNameMatches"
TOPICS = (
    "shop.public.orders", "shop", "orders-2020", "a.b", "ab", "aab", "A_1", "a-b_c.d", "x1y22", "ORDERS", "größe", "a b", "", "aa",
    "abab", "t.T.t", "$1", "a\\b", "a\nb", "\n",
)  # fmt: skip
REGEXES = (
    ".*", "shop\\.(.*)", "(.*)\\.(.*)\\.(.*)", "([^.]+)\\.(.+)", "(?<first>[^.]+)\\.(?<rest>.*)", "(?i)orders", "(?i:SHOP).*", "a++b", "a*+a",
    "(?>a|ab)b?", "(a|ab)(b|)", "(\\w)\\1", "(?<c>.)\\k<c>", "\\Qa.b\\E", "\\Qa.b", "\\p{Alpha}+", "\\p{Alnum}+_?\\p{Digit}", "[\\p{Punct}\\w]+",
    "\\P{Upper}+", "\\p{L}+", "\\p{IsAlphabetic}+", "\\p{javaLowerCase}+", "\\p{Lu}+", "[a-z&&[^b]]+", "[a-c[x-z]\\d]+", "[^a-c&&[^\\d]]+", "[]a]+", "[a-]+",
    "\\d+|\\D+", "(?s).*", "(?s)a.b", "a.b", "(?m)^a$\\nb", "(?x) a b # comment", "\\x61\\u0062", "\\x{61}.?", "\\0141.*", "a{1,2}b", "a{2}", "a{2}{3}", "(a*)*b?",
    "(?=ab).*", "(?!ab).*", ".*(?<=s)", ".*(?<!s|d)", "(?<=a|bc)", "\\Aab\\z", "\\w+\\Z", "\\bab\\b", "\\B", "a\\R b?", "\\h*", "(?iu)GRÖSSE", "(?iu)GRÖßE",
    "(ab)+", "((a)(b))*", "(x)?ab", "\\N{LATIN SMALL LETTER A}b", "()", "", "^ab$", "$", "\\$1", "a\\\\b", "größe", "[ö-ü]+|gr[ö]ße",
    "(?u)a", "(?d).*", "(?-i)ab", "(?i)a(?-i)B|AB", "\\p{Greek}", "\\p{IsGreek}*", "\\p{Foo}",
    "(", ")", "[", "a**", "*", "+", "?a", "{", "a{", "a{2,1}", "\\", "\\y", "(?<1>a)", "(?<a>x)(?<a>y)", "(?", "(?z)", "[z-a]", "[a-\\d]", "\\k<no>", "\\1(a)",
    "[[:alpha:]]+", "\\p{", "\\u12", "\\x1", "\\c", "[a", "(?P<n>a)",
)  # fmt: skip
UNSUPPORTED = ("(?U)\\w+", "\\p{InGreek}*", "(?<=a*)b", "\\X", "\\Ga", "a\\b{g}", "(?c)a", "(?<=a{1,3})b")
WRONG = ("$", "$x", "${}", "${no}", "${1}", "${1x}", "\\", "$4")
REPLACEMENTS = {
    ".*": ("$0", "\\$1", "\\\\", "a\\b", "fixed", "", "größe-$0", "$00", "$0x"),
    "shop\\.(.*)": ("$1", "$10", "$1x", "$1$1", "$0-$1", "$01"),
    "(?<first>[^.]+)\\.(?<rest>.*)": ("${rest}.${first}", "$2-$1", "${first}${first}", "$21"),
    "(a)(b)?(c)?.*": ("$1$2", "[$3]", "$31"),
}
EXPLAINED = {
    "unsupported/*": "the flags U and c, blocks, \\G, \\X, \\b{g} and look-behinds of varying length have no equal: refused when configured",
    "wrong/*": "a replacement that is wrong is refused when it is configured, not when a topic matches",
}


def _topics(topics: tuple[str, ...] = TOPICS) -> list[Form]:
    return [record(topic, data(schema("string"), "v"), partition=1) for topic in topics]


def cases() -> Iterator[dict[str, Any]]:
    for at, regex in enumerate(REGEXES):
        yield {
            "id": f"matches/{at:03} {regex}",
            "op": "predicate",
            "class": MATCHES,
            "config": {"pattern": regex},
            "records": _topics(),
        }
        config = {"regex": regex, "replacement": "<$0>"}
        yield {
            "id": f"router/{at:03} {regex}",
            "op": "transform",
            "class": ROUTER,
            "config": config,
            "records": _topics(),
        }
    for regex in UNSUPPORTED:
        yield {
            "id": f"unsupported/{regex}",
            "op": "predicate",
            "class": MATCHES,
            "config": {"pattern": regex},
            "records": _topics(),
        }
    for regex, replacements in REPLACEMENTS.items():
        for replacement in (*replacements, *WRONG):
            config = {"regex": regex, "replacement": replacement}
            name = f"{'wrong' if replacement in WRONG else 'replacement'}/{regex} by {replacement}"
            yield {"id": name, "op": "transform", "class": ROUTER, "config": config, "records": _topics()}
    everything = [form for group in GROUPS.values() for form in sided(group, "Value")]
    for name, config in (
        ("h", {"name": "h"}),
        ("absent", {"name": "nosuch"}),
        ("none", {}),
        ("empty", {"name": ""}),
        ("case", {"name": "H"}),
    ):
        yield {
            "id": f"header/{name}",
            "op": "predicate",
            "class": _KAFKA + "predicates.HasHeaderKey",
            "config": config,
            "records": everything,
        }
    bare = [
        record("t", None),
        record("t", data(None, None)),
        record("t", data(None, i64(0))),
        record("t", data(schema("string"), None)),
    ]
    tombstone = _KAFKA + "predicates.RecordIsTombstone"
    yield {"id": "tombstone/all", "op": "predicate", "class": tombstone, "config": {}, "records": [*everything, *bare]}
    for name, config in (("none", {}), ("empty", {"pattern": ""})):
        yield {"id": f"matches/{name}", "op": "predicate", "class": MATCHES, "config": config, "records": _topics()}
    for name, config in (
        ("none", {}),
        ("regex", {"regex": "a"}),
        ("replacement", {"replacement": "a"}),
        ("empty", {"regex": "", "replacement": ""}),
    ):
        yield {"id": f"bad/{name}", "op": "transform", "class": ROUTER, "config": config, "records": _topics()}
