"""Division of integers in the source of an environment.

It is that of C in every build: fast, without the fraction, and the end of the program where the divisor is zero. Python
divides in another way, so Cython is made to refuse `/` of two integers, and builds with checks look at divisors.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from Cython.Compiler import Errors, ExprNodes

_NO_FRACTION = "/ of two integers drops the fraction in C; write // if you mean that, and otherwise <float>a / b"


@contextmanager
def watched_division(has_checks: bool) -> Iterator[None]:
    """Context in which Cython refuses `/` of two integers.

    With `has_checks`, its code raises ZeroDivisionError with the line, instead of dividing an integer by zero.
    """
    analyse = ExprNodes.DivNode.analyse_operation

    def watched(node: Any, env: Any) -> Any:
        result = analyse(node, env)
        if _is_integer(node.operand1) and _is_integer(node.operand2):
            if node.operator == "/":
                Errors.error(node.pos, _NO_FRACTION)
            elif has_checks and not _is_constant(node.operand2):
                node.zerodivision_check = True
                # Both are needed twice.
                node.operand1 = node.operand1.coerce_to_simple(env)
                node.operand2 = node.operand2.coerce_to_simple(env)
        return result

    ExprNodes.DivNode.analyse_operation = watched
    try:
        yield
    finally:
        ExprNodes.DivNode.analyse_operation = analyse


def _is_integer(operand: Any) -> bool:
    return operand.type.is_int or operand.type.is_enum


def _is_constant(operand: Any) -> bool:
    """Whether a compiler of C knows the value: of numbers and of constants that an enum declares."""
    with Errors.local_errors(ignore=True):
        return bool(operand.check_const())
