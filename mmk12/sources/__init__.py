"""Training sources: one small file each, found by `mmk12.content`; files with an underscore are shared parts."""
