"""What the maintainers run: releases, and tests with other versions. Not in the wheel."""
