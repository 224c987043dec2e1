"""`python3 -m config.launch COMMAND`: written so that any Python can read it, and say that it is too old."""

import os
import subprocess
import sys

OLDEST = (3, 11)
# Newest last tried: wheels for a brand-new Python take months to appear.
NAMES = ("python3.13", "python3.12", "python3.11", "python3.14")


def newer_python():  # type: () -> str | None
    """The path of a Python on the PATH that is new enough, or None."""
    for name in NAMES:
        try:
            probe = subprocess.Popen(
                [name, "-c", "import sys; print(sys.executable if sys.version_info >= (3, 11) else '')"],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError:
            continue
        found = probe.communicate()[0].decode().strip()
        if probe.returncode == 0 and found:
            return found
    return None


def main():  # type: () -> int
    if sys.version_info < OLDEST:
        found = newer_python()
        if found is None:
            version = ".".join(str(part) for part in sys.version_info[:2])
            sys.stderr.write("Goldfold needs Python 3.11 or newer; this is " + version + ".\n")
            return 1
        os.execv(found, [found, "-m", "config.launch"] + sys.argv[1:])  # noqa: RUF005 - readable by Python 2
    from config.launch.command import run_command  # noqa: PLC0415 - an old Python could not read it

    return run_command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
