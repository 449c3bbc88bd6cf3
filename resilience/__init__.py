"""The matrix and the chaos campaign: orders under faults, kills and resets. For this project, not for its users."""
