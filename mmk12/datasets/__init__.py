"""From the rows of a published dataset to `Sample`: declarations, files, archives, loading."""
