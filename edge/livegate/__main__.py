"""``python -m livegate`` is the command ``livegate``."""

import sys

from livegate.cli import main

sys.exit(main())
