"""Lists the units of measurement of school mathematics, each a rational multiple of a power of a base dimension.

A unit is a factor of an expression, so that conversion is arithmetic. Capitals such as `N` and `A` are not listed:
alone they are variables; `L` (litre) is the exception. When a one-letter unit (`m`, `g`, `s`, `h`) counts as a unit is
decided by the lexer: outside mathematics mode, in `\\text{…}`, and after a slash as in `km/h`.
"""

from __future__ import annotations

from fractions import Fraction
from types import MappingProxyType

CURRENCIES = frozenset("$€£¥")

Dimension = tuple[Fraction, str, int]
"""Factor, base dimension, power of that dimension"""


_UNITS: tuple[tuple[int | str, str, int, str], ...] = (
    ("1/1000", "metre", 1, "mm millimeter millimeters millimetre millimetres 毫米"),
    ("1/100", "metre", 1, "cm centimeter centimeters centimetre centimetres 厘米"),
    ("1/10", "metre", 1, "dm decimeter decimeters decimetre decimetres 分米"),
    (1, "metre", 1, "m meter meters metre metres 米"),
    (1000, "metre", 1, "km kilometer kilometers kilometre kilometres 千米 公里"),
    (1852, "metre", 1, "海里 nmi"),
    ("127/5000", "metre", 1, "inch inches"),
    ("381/1250", "metre", 1, "ft foot feet"),
    ("1143/1250", "metre", 1, "yd yard yards"),
    ("201168/125", "metre", 1, "mile miles"),
    (1, "gram", 1, "g gram grams 克"),
    ("1/1000", "gram", 1, "mg milligram milligrams"),
    (1000, "gram", 1, "kg kgs kilogram kilograms 千克 公斤"),
    (1_000_000, "gram", 1, "ton tons tonne tonnes 吨"),
    ("45359237/100000", "gram", 1, "lb lbs pound pounds"),
    ("45359237/1600000", "gram", 1, "oz ounce ounces"),
    (1, "second", 1, "s sec secs second seconds 秒"),
    (60, "second", 1, "min mins minute minutes 分钟"),
    (3600, "second", 1, "h hr hrs hour hours 小时"),
    (86400, "second", 1, "day days 天"),
    (604800, "second", 1, "week weeks"),
    (1, "year", 1, "year years 年"),
    (1, "month", 1, "month months"),
    ("1/1000", "metre", 3, "L l liter liters litre litres 升"),
    ("1/1000000", "metre", 3, "mL ml milliliter milliliters millilitre millilitres 毫升"),
    (10_000, "metre", 2, "hectare hectares 公顷"),
    (1, "yuan", 1, "¥ yuan 元"),
    (1, "dollar", 1, "$ dollar dollars USD"),
    ("1/100", "dollar", 1, "cent cents"),
    (1, "euro", 1, "€ euro euros"),
    (1, "sterling", 1, "£"),
    (1, "degree Celsius", 1, "℃ celsius 摄氏度"),
    (1, "degree Fahrenheit", 1, "℉ fahrenheit"),
    (1, "radian", 1, "rad radian radians"),
    (1, "mile an hour", 1, "mph"),
    (1, "nothing", 0, "unit units"),
)
"""Factor, base dimension, power of that dimension, spellings. A new unit is a line here."""
_CHINESE_LENGTHS = {"毫米": "1/1000", "厘米": "1/100", "分米": "1/10", "米": "1", "千米": "1000"}
"""Each of them makes a unit of area (`平方米`) and one of volume (`立方米`)."""


def _list_units() -> dict[str, Dimension]:
    names = {
        spelling: (Fraction(factor), base, power)
        for factor, base, power, spellings in _UNITS
        for spelling in spellings.split()
    }
    for length, factor in _CHINESE_LENGTHS.items():
        names[f"平方{length}"] = (Fraction(factor) ** 2, "metre", 2)
        names[f"立方{length}"] = (Fraction(factor) ** 3, "metre", 3)
    return names


UNITS = MappingProxyType(_list_units())
"""The dimension of each unit, by spelling."""
