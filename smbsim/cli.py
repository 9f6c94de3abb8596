"""The command line `smbsim`: each command is a few lines around one public function, in the file of its topic in `commands`."""

from __future__ import annotations

# isort: off
from .commands import run  # noqa: F401  the order of these lines is the order of `smbsim --help`
from .commands import risk  # noqa: F401
from .commands import scorecard  # noqa: F401
from .commands import names  # noqa: F401
from .commands import results  # noqa: F401
from .commands import start  # noqa: F401
from .commands import compare  # noqa: F401
from .commands import report  # noqa: F401
from .commands import sweep  # noqa: F401
from .commands import tipping  # noqa: F401
from .commands import warning  # noqa: F401
from .commands import sensitivity  # noqa: F401
from .commands import calibrate  # noqa: F401
from .commands import bench  # noqa: F401
from .commands.options import app


def main() -> None:
    """Entry point of the command `smbsim`."""
    app()


if __name__ == "__main__":
    main()
