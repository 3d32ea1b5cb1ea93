"""`1 ± x` is two answers."""

from __future__ import annotations

from mmk12.verifier.values import Call, Const, Expr, Num, Relation, Sym, Unit, Value, is_expr, neg, rebuilt


def doubled(value: Value) -> list[Value]:
    """`1 ± x` is two answers."""
    if isinstance(value, Relation) and len(value.members) == 2 and value.ops == ("=",):
        left, right = value.members
        if right is not None and is_expr(right):
            return [Relation((left, side), ("=",)) for side in doubled(right)]
    if not is_expr(value) or not _has_double(value):
        return [value]
    return [_choose(value, 1), _choose(value, -1)]


def _has_double(value: Value) -> bool:
    return isinstance(value, Call) and (value.op in ("pm", "mp") or any(_has_double(arg) for arg in value.args))


def _choose(value: Value, way: int) -> Expr:
    assert isinstance(value, Num | Sym | Const | Unit | Call)
    if not isinstance(value, Call):
        return value
    args = [_choose(arg, way) for arg in value.args]
    if value.op in ("pm", "mp"):
        return args[0] if (value.op == "pm") == (way > 0) else neg(args[0])
    return rebuilt(value.op, args)
