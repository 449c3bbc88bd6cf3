"""Orders on Temporal: the client, the worker, workflows, activities and recovery.

HTTP servers and pages live elsewhere.
"""
