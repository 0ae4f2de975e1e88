"""Is what was installed whole? `python tools/check_installed.py <import name>…`, in the environment to look at.

Each package imports, has brought its py.typed, and offers names that say where they can be imported from: a component's
public classes and functions report that component, not the private module they are written in.
"""

import importlib
import importlib.resources
import sys


def main(names: list[str]) -> int:
    findings = [finding for name in names for finding in check(name)]
    print("\n".join(findings) or f"imported {', '.join(names)}")
    return 1 if findings else 0


def check(name: str) -> list[str]:
    module = importlib.import_module(name)
    findings = []
    if not importlib.resources.files(name).joinpath("py.typed").is_file():
        findings.append(f"{name} came without py.typed")
    for offered in module.__all__:
        home = getattr(getattr(module, offered), "__module__", None) or ""
        if home.startswith("courser") and "._" in home:
            findings.append(f"{name}.{offered} reports {home}, which is private")
    return findings


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
