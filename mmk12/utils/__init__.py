"""Tools that know nothing of mathematics, models or benchmarks: files, images, statistics, tables, progress."""
