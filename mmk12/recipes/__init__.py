"""Recipes: what an experiment may say (`schema`) and how its file is read (`loader`)."""
