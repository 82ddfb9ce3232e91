"""Builds the wheel, installs it into an empty environment and uses it from a folder that is not the repository."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SPEC = """
[run]
name = "from-the-wheel"
[data]
synthetic = "regimes"
bars = 2_000
[strategy]
use = "sma_cross"
[strategy.params]
fast = 5
slow = 20
fraction = 1.0
"""


def run(*command: str | Path, cwd: Path) -> str:
    """Runs it and gives what it printed; a failure shows everything and ends the script."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"failed ({done.returncode}): {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def missing_from(wheel: Path) -> list[str]:
    """Files of the packages that did not get into the wheel."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]["package-dir"]
    inside = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        f"{package.replace('.', '/')}/{path.name}"
        for package, folder in listed.items()
        for path in (ROOT / folder).iterdir()
        if path.is_file()
    }
    return sorted(wanted - inside)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="huracan-wheel-") as name:
        away = Path(name)
        # Through the source distribution, so that it is known to be complete as well.
        run(sys.executable, "-m", "build", "--outdir", away / "dist", ROOT, cwd=away)
        (wheel,) = (away / "dist").glob("*.whl")
        missing = missing_from(wheel)
        if missing:
            sys.exit(f"not in the wheel: {', '.join(missing)} (see [tool.setuptools] in pyproject.toml)")

        venv.create(away / "env", with_pip=True)
        python, huracan = away / "env/bin/python", away / "env/bin/huracan"
        run(python, "-m", "pip", "install", "--quiet", "-c", ROOT / "constraints.txt", wheel, cwd=away)
        where = run(python, "-c", "import huracan; print(huracan.__file__)", cwd=away)
        if not Path(where.strip()).resolve().is_relative_to((away / "env").resolve()):
            sys.exit(f"huracan was imported from {where.strip()}, not from the wheel")
        run(huracan, "--help", cwd=away)
        run(huracan, "doctor", cwd=away)
        (away / "spec.toml").write_text(SPEC, "utf-8")
        run(huracan, "backtest", "spec.toml", "--out", "run", cwd=away)
        result = json.loads((away / "run/result.json").read_text("utf-8"))
        if result["bars"] != 2_000 or not result["fills"]:
            sys.exit(f"the backtest from the wheel ran {result['bars']} bars and filled {result['fills']} orders")
        print(f"{wheel.name}: installed, and a backtest of {result['bars']} bars made {result['fills']} fills")


if __name__ == "__main__":
    main()
