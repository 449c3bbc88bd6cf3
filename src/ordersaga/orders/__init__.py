"""Orders on Temporal: the client, the worker, workflows, activities and recovery. No HTTP server, no pages."""
