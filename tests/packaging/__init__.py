"""Tests of what is handed out: the wheel, the source distribution, a release, and other versions to run with."""
