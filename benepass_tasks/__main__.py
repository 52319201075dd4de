"""`python -m benepass_tasks`: the same as `benepass`."""

import sys

from benepass_tasks.cli import main

if __name__ == "__main__":
    sys.exit(main())
