"""The whole suite: `smbsim bench` with the peers of this folder, compared with the ratios recorded here.

python benchmarks/run.py [--quick] [--sizes 1000,10000] [--threads 1,2] [--record] …

GraphBLAS takes part where it is installed: pip install ".[bench]".
"""

from __future__ import annotations

import sys
from pathlib import Path

from smbsim import cli

HERE = Path(__file__).parent

if __name__ == "__main__":
    sys.argv[1:1] = ["bench", "--peers", str(HERE / "peers"), "--recorded", str(HERE / "recorded.json")]
    cli.main()
