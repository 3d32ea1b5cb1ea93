"""Reads what other frameworks wrote: saved responses.

data_file      a file of any container (JSON, JSONL, CSV, Excel, parquet, zip, text) as rows, with bounded work
responses/     a file per format of saved responses: how it is recognized, and its rows in our words
"""
