"""Are the five packages alike, honest about their dependencies, and polite to each other?

1. Alike: build backend, Python, licence, classifiers and layout are the same in all, and each pyproject.toml is short.
2. Honest: what a package imports is exactly what it declares, and the ranges between siblings fit their versions.
3. Polite: across distributions only public names are imported.

Everything is read from the files, nothing is imported. Prints each finding on a line, and exits with 1 if there is one.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

import wheels

LONGEST_PYPROJECT = 60
# Modules a package may offer to others besides its top level.
PUBLIC_SUBMODULES = {"testing"}
# Import names that differ from their project's name.
PROJECT_OF_IMPORT = {"OpenSSL": "pyopenssl", "backports": "backports.zstd"}
# What a later Python has in its standard library, whatever Python runs this.
STANDARD_LIBRARY = sys.stdlib_module_names | {"compression"}
# The meta-package declares the set that was tested together, whether or not it imports all of it.
DECLARES_MORE = {"courser"}

# Each must be the same in all packages; «{dist}» and «{import}» stand for the package's own names.
ALIKE = {
    "build-system": {"requires": ["hatchling>=1.27"], "build-backend": "hatchling.build"},
    "project": {
        "name": "{dist}",
        "readme": "README.md",
        "requires-python": ">=3.11",
        "license": "BSD-3-Clause",
        "license-files": ["LICENSE"],
        "authors": [{"name": "The courser authors"}],
        "dynamic": ["version"],
    },
    "tool": {
        "hatch": {
            "version": {"path": "src/{import}/_version.py"},
            "build": {
                "targets": {
                    "sdist": {"include": ["/src", "/tests", "/CHANGELOG.md"]},
                    "wheel": {"packages": ["src/{import}"]},
                }
            },
        },
        "ruff": {"extend": "../../tools/ruff.toml"},
    },
}
FILES = [
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "changelog.d",
    "tests",
    "src/{import}/__init__.py",
    "src/{import}/py.typed",
]


def main() -> int:
    present = {path.name for path in wheels.PACKAGES.iterdir() if (path / "pyproject.toml").exists()}
    findings = [f"packages/{name}: not named in tools/wheels.py" for name in sorted(present - {*wheels.DISTRIBUTIONS})]
    for distribution in wheels.DISTRIBUTIONS:
        for check in [unlike, dishonest, misfitting, impolite]:
            findings.extend(f"packages/{distribution}: {finding}" for finding in check(distribution))
    print("\n".join(findings) or f"{len(wheels.DISTRIBUTIONS)} packages: alike, honest, polite")
    return 1 if findings else 0


def unlike(distribution: str) -> Iterator[str]:
    """1. What is not as in the others."""
    folder = wheels.PACKAGES / distribution
    text = (folder / "pyproject.toml").read_text("utf-8")
    settings = tomllib.loads(text)
    yield from _differences(settings, _named(ALIKE, distribution), "")
    first = tomllib.loads((wheels.PACKAGES / wheels.DISTRIBUTIONS[0] / "pyproject.toml").read_text("utf-8"))
    for key in ["classifiers", "keywords"]:
        if settings["project"].get(key) != first["project"].get(key):
            yield f"{key} differ from those of {wheels.DISTRIBUTIONS[0]}"
    if (settings["project"].keys() ^ first["project"].keys()) - {"optional-dependencies", "scripts"}:
        yield f"[project] has other keys than that of {wheels.DISTRIBUTIONS[0]}"
    if len(text.splitlines()) > LONGEST_PYPROJECT:
        yield f"pyproject.toml has more than {LONGEST_PYPROJECT} lines"
    for name in _named(FILES, distribution):
        if not (folder / name).exists():
            yield f"{name} is missing"
    licence = folder / "LICENSE"
    if licence.exists() and licence.read_text("utf-8") != (wheels.ROOT / "LICENSE").read_text("utf-8"):
        yield "LICENSE differs from the repository's"


def dishonest(distribution: str) -> Iterator[str]:
    """2. What is imported but not declared, or declared but not imported."""
    metadata = wheels.metadata(distribution)
    extras = metadata.get("optional-dependencies", {})
    declared = {wheels.project_of(line) for line in wheels.dependencies(distribution)}
    optional = {wheels.project_of(line) for lines in extras.values() for line in lines}
    imported: dict[str, str] = {}
    for path, module, _ in _imports(wheels.sources(distribution)):
        top = module.partition(".")[0]
        if top not in STANDARD_LIBRARY and top != wheels.import_name(distribution):
            imported.setdefault(PROJECT_OF_IMPORT.get(top, top.replace("_", "-").lower()), path)
    for project in sorted(imported.keys() - declared - optional):
        yield f"{imported[project]} imports {project}, which pyproject.toml does not declare"
    if distribution not in DECLARES_MORE:
        for project in sorted((declared | optional) - imported.keys()):
            yield f"pyproject.toml declares {project}, which nothing imports"


def misfitting(distribution: str) -> Iterator[str]:
    """2. Ranges between siblings: `>=0.3,<0.4` in components, `~=0.3.1` in the meta-package, and true today."""
    for requirement in map(Requirement, wheels.dependencies(distribution)):
        if requirement.name not in wheels.DISTRIBUTIONS:
            if not any(part.operator in {">=", "~="} for part in requirement.specifier):
                yield f"{requirement} has no lower bound"
            continue
        current = Version(wheels.version(requirement.name))
        if not requirement.specifier.contains(current, prereleases=True):
            yield f"{requirement} excludes the {current} of this checkout"
        bounds = {part.operator: Version(part.version) for part in requirement.specifier}
        if distribution == "courser":
            if bounds.keys() != {"~="} or len(bounds["~="].release) != 3:
                yield f"{requirement} should read {requirement.name}~={current}, the version it was tested with"
        elif bounds.keys() != {">=", "<"} or bounds["<"] != _next_breaking(bounds[">="]):
            yield f"{requirement} should end at the next breaking release, e.g. >=0.3,<0.4 or >=1.2,<2"


def impolite(distribution: str) -> Iterator[str]:
    """3. Private modules and names of a sibling, used in the sources or the tests."""
    siblings = {wheels.import_name(name): name for name in wheels.DISTRIBUTIONS if name != distribution}
    for folder in [wheels.sources(distribution), wheels.PACKAGES / distribution / "tests"]:
        for path, module, name in _imports(folder):
            top, *below = module.split(".")
            if top not in siblings:
                continue
            public = _public_names(siblings[top])
            if below and (len(below) > 1 or below[0] not in PUBLIC_SUBMODULES):
                yield f"{path} imports {module}, which is private to {siblings[top]}"
            elif name and not below and name not in public | PUBLIC_SUBMODULES:
                yield f"{path} imports {name} from {top}, which does not offer it in __all__"


def _public_names(distribution: str) -> set[str]:
    """Return a package's `__all__`, which must be written as a plain list, and its `__version__`."""
    module = ast.parse((wheels.sources(distribution) / "__init__.py").read_text("utf-8"))
    for statement in module.body:
        match statement:
            case (
                ast.Assign(targets=[ast.Name(id="__all__")], value=value)
                | ast.AnnAssign(target=ast.Name(id="__all__"), value=ast.expr() as value)
            ):
                return {*ast.literal_eval(value), "__version__"}
    return {"__version__"}


def _imports(folder: Path) -> Iterator[tuple[str, str, str | None]]:
    """Yield each absolute import below a folder: the file, the module, the name taken from it if there is one.

    `import courser_models` and then `courser_models._urls` somewhere in the file counts as an import of `_urls`.
    """
    for path in sorted(folder.rglob("*.py")):
        shown = path.relative_to(wheels.ROOT).as_posix()
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"), path)))
        modules = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        for node in nodes:
            match node:
                case ast.Import(names=aliases):
                    yield from ((shown, alias.name, None) for alias in aliases)
                case ast.ImportFrom(module=str(module), level=0, names=aliases):
                    yield from ((shown, module, alias.name) for alias in aliases)
                case ast.Attribute(value=ast.Name(id=top), attr=name) if top in modules and name[0] == "_" != name[1:2]:
                    yield shown, f"{top}.{name}", None


def _differences(actual: object, wanted: object, where: str) -> Iterator[str]:
    """Yield where a table lacks or changes what is wanted; it may hold more."""
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            inner = actual.get(key) if isinstance(actual, dict) else None
            yield from _differences(inner, value, f"{where}.{key}" if where else key)
    elif actual != wanted:
        yield f"{where} is {actual!r}, not {wanted!r}"


def _named(pattern: object, distribution: str) -> object:
    """Fill a package's own names into a pattern."""
    match pattern:
        case dict():
            return {key: _named(value, distribution) for key, value in pattern.items()}
        case list():
            return [_named(value, distribution) for value in pattern]
        case _:
            return pattern.replace("{dist}", distribution).replace("{import}", wheels.import_name(distribution))


def _next_breaking(version: Version) -> Version:
    return Version(f"{version.major + 1}") if version.major else Version(f"0.{version.minor + 1}")


if __name__ == "__main__":
    sys.exit(main())
