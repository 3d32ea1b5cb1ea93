"""Lists the units of measurement of school mathematics, each a rational multiple of a power of a base dimension.

A unit is a factor of an expression, so that conversion is arithmetic. A bare capital (`N`, `A`) is a variable, never a
unit. One-letter units (`m`, `g`, `s`, `h`) count as units only outside mathematics mode or in `\\text{…}`.
"""

from __future__ import annotations

from fractions import Fraction
from types import MappingProxyType

CURRENCIES = frozenset("$€£¥")

Dimension = tuple[Fraction, str, int]
"""Factor, base dimension, power of that dimension"""


def _list_units() -> dict[str, Dimension]:
    names: dict[str, Dimension] = {}

    def define(factor: Fraction | int | str, base: str, degree: int, spellings: str) -> None:
        for spelling in spellings.split():
            names[spelling] = (Fraction(factor), base, degree)

    define("1/1000", "metre", 1, "mm millimeter millimeters millimetre millimetres 毫米")
    define("1/100", "metre", 1, "cm centimeter centimeters centimetre centimetres 厘米")
    define("1/10", "metre", 1, "dm decimeter decimeters decimetre decimetres 分米")
    define(1, "metre", 1, "m meter meters metre metres 米")
    define(1000, "metre", 1, "km kilometer kilometers kilometre kilometres 千米 公里")
    define(1852, "metre", 1, "海里 nmi")
    define("127/5000", "metre", 1, "inch inches")
    define("381/1250", "metre", 1, "ft foot feet")
    define("1143/1250", "metre", 1, "yd yard yards")
    define("201168/125", "metre", 1, "mile miles")
    define(1, "gram", 1, "g gram grams 克")
    define("1/1000", "gram", 1, "mg milligram milligrams")
    define(1000, "gram", 1, "kg kgs kilogram kilograms 千克 公斤")
    define(1_000_000, "gram", 1, "ton tons tonne tonnes 吨")
    define("45359237/100000", "gram", 1, "lb lbs pound pounds")
    define(1, "second", 1, "s sec secs second seconds 秒")
    define(60, "second", 1, "min mins minute minutes 分钟")
    define(3600, "second", 1, "h hr hrs hour hours 小时")
    define(86400, "second", 1, "day days 天")
    define(604800, "second", 1, "week weeks")
    define(1, "year", 1, "year years 年")
    define(1, "month", 1, "month months")
    define("1/1000", "metre", 3, "L l liter liters litre litres 升")
    define("1/1000000", "metre", 3, "mL ml milliliter milliliters millilitre millilitres 毫升")
    define(10_000, "metre", 2, "hectare hectares 公顷")
    for length, factor in (("毫米", 1000), ("厘米", 100), ("分米", 10), ("米", 1), ("千米", Fraction(1, 1000))):
        define(1 / Fraction(factor) ** 2, "metre", 2, f"平方{length}")
        define(1 / Fraction(factor) ** 3, "metre", 3, f"立方{length}")
    define(1, "yuan", 1, "¥ yuan 元")
    define(1, "dollar", 1, "$ dollar dollars USD")
    define("1/100", "dollar", 1, "cent cents")
    define(1, "euro", 1, "€ euro euros")
    define(1, "sterling", 1, "£")
    define(1, "degree Celsius", 1, "℃ celsius 摄氏度")
    define(1, "degree Fahrenheit", 1, "℉ fahrenheit")
    define(1, "radian", 1, "rad radian radians")
    define(1, "mile an hour", 1, "mph")
    define(1, "nothing", 0, "unit units")
    return names


UNITS = MappingProxyType(_list_units())
"""The dimension of each unit, by spelling."""
