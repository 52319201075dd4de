"""`python -m benepass_tasks`: look at the catalog and what follows from it."""

import sys

from benepass_tasks.cli import main

if __name__ == "__main__":
    sys.exit(main())
