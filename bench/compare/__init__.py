"""`python -m bench.compare`: the same orders under the same faults on several engines, and what each lost.

docs/explanation/temporal-or-celery.md has a run of it.
"""
