"""Measurements: ours, the sketch it grew from, the limit that Temporal sets, and other engines, side by side."""
