"""A registry in front of a pipeline: what is pushed goes on to another one, and comes from there.

Rule: the proxy keeps nothing that it hasn't to. What it says is there is there downstream, and
digests that it answers are digests of what is stored there.
"""
