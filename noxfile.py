"""The one entrance to all that is done with this repository: `nox -l` lists it, `nox -s <session>` does it.

Without nox: `python3 tools/bootstrap.py <session>` makes one under .nox/ and passes the session on.

Tests never see the checkout: every session installs wheels, of exactly the distributions it is about, so that an import
from a higher layer cannot even start. tools/wheels.py builds each wheel once; `install` brings an environment to a list
of requirements, and does nothing when it is there already. Everything made on the way lies under .nox/.
"""

import os
import re
import shutil
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT / "tools"))

import interpreters  # noqa: E402
import wheels  # noqa: E402

nox.needs_version = ">=2026.4"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = True
nox.options.reuse_venv = "yes"
nox.options.sessions = ["test"]

FOUND = interpreters.find_interpreters()
interpreters.prefer_on_path(FOUND)
PYTHONS = list(FOUND)
MISSING = [version for version in interpreters.SUPPORTED if version not in FOUND]
if not PYTHONS:
    sys.exit(f"courser is tested on Python {', '.join(interpreters.SUPPORTED)}, and none of them works here")
DEFAULT = PYTHONS[0]

CACHES = ROOT / ".nox"
REQUIREMENTS = ROOT / "tools" / "requirements"
# Libraries that were written for the one, and for the other; some exist in a version for each.
GENERATIONS = ("httpx", "httpx2")
PACKAGES = {name.removeprefix("courser-"): name for name in wheels.DISTRIBUTIONS}
SOURCES = [str(wheels.sources(name).parent) for name in wheels.DISTRIBUTIONS]

# A file of tests in one process, several files beside each other. Those of the packages wait for something most of the
# time, so that four of them hardly fill two cores; the integration tests have servers that work beside them.
FOUR_AT_A_TIME = ("-n", "4", "--dist", "loadfile")
TWO_AT_A_TIME = ("-n", "2", "--dist", "loadfile")
# Files of the integration tests that look at the clock or fill a machine: they run after the others.
ALONE = [f"integration_tests/test_{name}.py" for name in ("deadlines", "request_path", "sweeps", "usage_examples")]

# What a user has set for other work must not leak into ours, and our caches belong into one place.
os.environ.pop("PYTHONPATH", None)
os.environ.update(
    HYPOTHESIS_STORAGE_DIRECTORY=str(CACHES / "hypothesis"),
    MYPY_CACHE_DIR=str(CACHES / "mypy"),
    PIP_DISABLE_PIP_VERSION_CHECK="1",
    RUFF_CACHE_DIR=str(CACHES / "ruff"),
)


@nox.session(python=False)
def test(session: nox.Session) -> None:
    """Everything CI runs; the tests on every Python this machine has."""
    report_missing(session)
    for name in ["lint", "types", "docs", "build", "floors", *(f"ecosystem-{name}" for name in GENERATIONS)]:
        session.notify(name, posargs=())
    for version in PYTHONS:
        for package in PACKAGES:
            session.notify(f"test-{package}-{version}", posargs=())
        session.notify(f"integration-{version}", posargs=())


def add_package_session(package: str, distribution: str) -> None:
    def test_package(session: nox.Session) -> None:
        if session.python == DEFAULT:
            report_missing(session)
        install(session, *test_pins(distribution), *sibling_wheels(distribution))
        pytest(session, *FOUR_AT_A_TIME, f"packages/{distribution}/tests", *session.posargs)

    test_package.__doc__ = f"The tests of {distribution}, where only it and the siblings it declares exist."
    nox.session(test_package, name=f"test-{package}", python=PYTHONS)


for package, distribution in PACKAGES.items():
    add_package_session(package, distribution)


@nox.session(python=PYTHONS)
def integration(session: nox.Session) -> None:
    """All five together, against real servers."""
    install(session, *lines(ROOT / "integration_tests" / "requirements.txt"), *sibling_wheels("courser"))
    here = ("integration_tests", "--ignore=integration_tests/ecosystem")
    if session.posargs:  # some of them only, or something to find out
        pytest(session, *here, *session.posargs)
    else:
        pytest(session, *TWO_AT_A_TIME, *here, *(f"--ignore={path}" for path in ALONE))
        pytest(session, *ALONE)


def add_ecosystem_session(generation: str) -> None:
    def ecosystem(session: nox.Session) -> None:
        folder = Path("integration_tests", "ecosystem")
        pinned = [ROOT / "integration_tests" / "requirements.txt", ROOT / folder / f"of_{generation}/requirements.txt"]
        install(session, *(line for path in pinned for line in lines(path)), *sibling_wheels("courser"))
        # In the place of HTTPX before pytest loads its plugins: some of them import it.
        folders = [str(folder / name) for name in ("of_both", f"of_{generation}")]
        pytest(session, "-p", "courser.as_httpx", *folders, *session.posargs)

    ecosystem.__doc__ = f"Libraries made for {generation}, unchanged, on courser in its place."
    nox.session(ecosystem, name=f"ecosystem-{generation}", python=DEFAULT)


for generation in GENERATIONS:
    add_ecosystem_session(generation)


@nox.session(python=DEFAULT)
def lint(session: nox.Session) -> None:
    """Form, direction of imports, metadata."""
    install(session, *pins("lint"))
    python_files = ["noxfile.py", "packages", "integration_tests", "tools"]
    session.run("ruff", "format", "--check", *python_files)
    session.run("ruff", "check", *python_files)
    # import-linter only reads the sources, so they need no installing.
    source_path = {"PYTHONPATH": os.pathsep.join(SOURCES)}
    session.run("lint-imports", "--config", "tools/importlinter.ini", "--no-cache", env=source_path)
    session.run("python", "tools/check_packages.py")


@nox.session(python=DEFAULT)
def types(session: nox.Session) -> None:
    """mypy strict and pyright, on the installed packages."""
    # Installed editable, so that both name the files we edit.
    editable = [argument for name in wheels.DISTRIBUTIONS for argument in ("-e", f"packages/{name}")]
    metadata = "".join(Path(f"packages/{name}/pyproject.toml").read_text("utf-8") for name in wheels.DISTRIBUTIONS)
    install(session, *pins("types"), *editable, because=metadata)
    imports = [argument for name in wheels.DISTRIBUTIONS for argument in ("-p", wheels.import_name(name))]
    session.run("mypy", "--config-file", "tools/mypy.ini", *imports)
    session.run("pyright", "--project", "tools/pyrightconfig.json", "--pythonpath", session_python(session))


@nox.session(python=DEFAULT)
def floors(session: nox.Session) -> None:
    """Each package's tests with the lowest versions that its ranges allow."""
    for distribution in wheels.DISTRIBUTIONS:
        lowest = wheels.lowest_installation(distribution)
        session.log(f"{distribution} with " + ", ".join(Path(requirement).name for requirement in lowest[1:]))
        install(session, *test_pins(distribution), *lowest)
        pytest(session, *FOUR_AT_A_TIME, f"packages/{distribution}/tests", *session.posargs)


@nox.session(python=DEFAULT)
def build(session: nox.Session) -> None:
    """Wheels and sdists into .nox/dist, each set installed into a fresh environment and imported."""
    folder = CACHES / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    for distribution in wheels.DISTRIBUTIONS:
        wheels.build(ROOT / "packages" / distribution, folder)
    for distribution in ["courser-models", "courser-transport", "courser"]:
        for suffix in ["-*.whl", "-*.tar.gz"]:
            names = [wheels.import_name(name) for name in wheels.with_siblings(distribution)]
            files = [next(folder.glob(name + suffix)) for name in names]
            session.log(f"{distribution} from {', '.join(file.name for file in files)}")
            fresh = Path(session.create_tmp(), "fresh")
            session.run(sys.executable, "-m", "virtualenv", "--quiet", "--clear", str(fresh), external=True)
            python = str(fresh / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python"))
            session.run(python, "-m", "pip", "install", "--quiet", *map(str, files), external=True)
            session.run(python, "-I", "-W", "error", "tools/check_installed.py", *names, external=True)
    session.log("built: " + ", ".join(sorted(file.name for file in folder.iterdir())))


@nox.session(python=DEFAULT)
def docs(session: nox.Session) -> None:
    """Build the documentation into .nox/site, and run the examples of all pages and READMEs."""
    install(session, *pins("docs"), *sibling_wheels("courser"))
    # Without --quiet: it silences the warnings before --strict can count them.
    session.run("mkdocs", "build", "--strict", "--config-file", "tools/mkdocs.yml")
    session.run("python", "tools/check_examples.py", *session.posargs)


@nox.session(python=DEFAULT)
def changelog(session: nox.Session) -> None:
    """Show what each package's next changelog entry says so far."""
    install(session, *pins("lint"))
    for distribution in wheels.DISTRIBUTIONS:
        options = ["--config", "tools/towncrier.toml", "--dir", f"packages/{distribution}"]
        session.run("towncrier", "build", "--draft", "--version", wheels.version(distribution), *options)


@nox.session(python=DEFAULT)
def demo(session: nox.Session) -> None:
    """The main job, shown on a small server of its own."""
    install(session, *pins("demo"), *sibling_wheels("courser"))
    session.run("python", "tools/demo.py", *session.posargs)


@nox.session(python=DEFAULT)
def bench(session: nox.Session) -> None:
    """The peers side by side; see tools/bench."""
    install(session, *lines(ROOT / "tools" / "bench" / "requirements.txt"), *sibling_wheels("courser"))
    session.run("python", "tools/bench/run.py", "--environments", str(CACHES / "peers"), *session.posargs)


@nox.session(python=DEFAULT)
def fuzz(session: nox.Session) -> None:
    """The fast head reader against h11, on as many generated responses as --count says."""
    install(session, *test_pins("courser-transport"), *sibling_wheels("courser-transport"))
    session.run("python", "packages/courser-transport/tests/fuzz_head.py", *session.posargs)


@nox.session(name="fuzz-guided", python=DEFAULT)
def fuzz_guided(session: nox.Session) -> None:
    """The same question, led by coverage; the arguments are libFuzzer's, such as -runs=200000 -seed=7."""
    install(session, *test_pins("courser-transport"), "atheris~=3.0", *sibling_wheels("courser-transport"))
    session.run("python", "packages/courser-transport/tests/fuzz_guided.py", *session.posargs)


@nox.session(python=DEFAULT)
def sweeps(session: nox.Session) -> None:
    """What shows only in large numbers, at its full counts; a sweep's name, --seed and --count may follow."""
    install(session, *lines(ROOT / "integration_tests" / "requirements.txt"), *sibling_wheels("courser"))
    session.run("python", "-W", "error", "-m", "integration_tests.sweeps", *session.posargs)


def install(session: nox.Session, *requirements: str, because: str = "") -> None:
    """Bring the session's environment to these requirements, unless it already is what they, and `because`, ask for."""
    record = Path(session.virtualenv.location, "installed.txt")
    wanted = "\n".join([*requirements, because])
    if record.exists():
        if record.read_text("utf-8") == wanted:
            return
        # A wheel of the same version passes for the same wheel, and a sibling no longer declared must not stay.
        uninstall = ["python", "-m", "pip", "uninstall", "--yes"]
        if session.venv_backend == "uv":
            uninstall = ["uv", "pip", "uninstall"]
        session.run_install(*uninstall, *wheels.DISTRIBUTIONS, external=True, silent=True)
        record.unlink()
    session.install("--quiet", *requirements)
    record.write_text(wanted, "utf-8")


def pytest(session: nox.Session, *arguments: str) -> None:
    """Run tests under tools/pytest.ini, where warnings are errors; pytest itself fails when there are no tests."""
    session.run("pytest", "-c", "tools/pytest.ini", "--rootdir=.", *arguments)


def sibling_wheels(distribution: str) -> list[str]:
    return [str(wheels.wheel(name)) for name in wheels.with_siblings(distribution)]


def pins(purpose: str) -> list[str]:
    return lines(REQUIREMENTS / f"{purpose}.txt")


def test_pins(distribution: str) -> list[str]:
    """Return what all tests need, and what this distribution's tests need besides."""
    besides = REQUIREMENTS / f"test-{distribution}.txt"
    return [*pins("test"), *(lines(besides) if besides.exists() else [])]


def lines(path: Path) -> list[str]:
    """Return the requirements in a file, without its comments."""
    written = (re.sub(r"(^|\s)#.*", "", line).strip() for line in path.read_text("utf-8").splitlines())
    return [line for line in written if line]


def session_python(session: nox.Session) -> str:
    return shutil.which("python", path=session.bin)


def report_missing(session: nox.Session) -> None:
    if MISSING:
        session.warn(f"not tested on Python {', '.join(MISSING)}: not on this machine")
