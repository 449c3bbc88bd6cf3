"""The services that handle an order: the register, and four with effects behind a fence.

No Temporal, and no calls between them.
"""
