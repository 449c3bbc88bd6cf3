"""The programs of the course in docs/start/course.md."""
