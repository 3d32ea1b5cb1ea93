"""Programs of the project that no user needs: the training of the embedded models, the generator of a docs page."""
