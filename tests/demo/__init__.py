"""`make demo`: the real gateway and its admin, with an upstream and a past that are made up.

So are the keys and the clients.
"""
