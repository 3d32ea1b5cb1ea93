"""Evaluation: generate, grade, aggregate, compare, report."""
