"""`make demo`: the real gateway and its admin, with an upstream, keys, clients and a past that are
all made up.
"""
