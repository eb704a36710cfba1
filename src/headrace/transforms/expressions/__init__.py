"""Expressions in Groovy's and JavaScript's form, read by our own parser and run as closures: nothing of a user's text is ever executed as code.

`headrace.transforms.expressions.language.compile_expression` is the way in.
"""
