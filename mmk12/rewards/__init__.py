"""The reward as other people's trainers and harnesses call it: one file per caller, all over `scoring.py`.

verl, easyr1, openrlhf, swift     named in the trainer's configuration by path; nothing is written by the user
trl, verifiers, inspect           imported

A trainer pays the profile that the data names (a column, a label, verl's `data_source`), else `paper_instruct`; a
harness grades by `strict`. Each file's first lines say the option or import that its caller needs; docs/ecosystem.md
shows them all.
"""
