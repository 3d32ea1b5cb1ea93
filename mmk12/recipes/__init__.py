"""Recipes: one YAML file is one whole experiment (`verl_recipes/`).

schema          the keys of a recipe, their defaults and their bounds
data_schema     those of its `data` section
recipe_loader   reads a file, merges the recipes that it extends, and sets overrides
"""
