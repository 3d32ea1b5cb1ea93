"""All problem families of the demo. A new family is one file and one line here."""

from __future__ import annotations

from mmk12.demo.families import (
    bar_chart,
    clock,
    grid_area,
    mean,
    pattern,
    perimeter,
    pythagoras,
    reflection,
    ring,
    shaded_fraction,
    slope,
    triangle_angle,
)
from mmk12.demo.family import Family

FAMILIES: tuple[Family, ...] = (
    triangle_angle.FAMILY,
    pythagoras.FAMILY,
    perimeter.FAMILY,
    grid_area.FAMILY,
    ring.FAMILY,
    reflection.FAMILY,
    slope.FAMILY,
    bar_chart.FAMILY,
    mean.FAMILY,
    shaded_fraction.FAMILY,
    pattern.FAMILY,
    clock.FAMILY,
)
