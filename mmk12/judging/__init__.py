"""An optional second opinion: a language model says yes or no to what the rules found.

It stands beside the verdict of the rules and never replaces it. Nothing here runs unless a judge is named.

wording    how untrusted material is put before a judge, and how its reply is read
judge      the judge, what is asked of it, and the two files that keep who was asked and what was answered
prompt     whether a response gives the reference answer, word for word
ask        that question about every response of an evaluation
opinions   its answers beside the verdicts

What `mmk12 aha` asks is in `mmk12.aha`.
"""
