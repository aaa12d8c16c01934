"""``make bench-core``: every figure of the engine, one JSON object a line. ``--quick`` shrinks data, never the
method.
"""

import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).parent
    codes = [subprocess.call([sys.executable, str(part), *sys.argv[1:]]) for part in sorted(here.glob("core_*.py"))]
    sys.exit(max(codes, default=0))
