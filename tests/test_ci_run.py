"""`.ci/run` installs Chromium where it may, says so where it cannot, and runs both halves of the tests either way."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TOOLS = ("bash", "dirname", "rm", "grep", "mkdir", "cp", "env")
SKIPPED = "The browser tests are skipped: no Chromium was found, and none could be installed here.\n"
LOG = 'echo "${0##*/} $*" >> "$LOGGED"\n'
COMMANDS = {  # stand-ins, each of which writes down how it was called
    "make": LOG + '[ "$1" != setup ] || { mkdir -p .venv/bin && cp "${0%/*}/python" .venv/bin/python; }\n',
    "python": LOG,
    "id": 'echo "$USER_NUMBER"\n',
    "sudo": LOG + '[ "$SUDO" = free ] && shift && "$@"\n',
    "apt-get": LOG + '[ "$1" = update ] || cp "${0%/*}/python" "${0%/*}/chromium"\n',
}
ALL = "make lint\nmake smoke\nmake test\n"
SLOW = "python -m pytest -n 2 --dist loadfile -m browser or slow -rs\n"


@pytest.fixture
def run(tmp_path):
    """A function that runs a copy of the script with these stand-ins alone; gives what it prints and what it calls."""
    commands = tmp_path / "commands"
    commands.mkdir()
    for name in TOOLS:
        (commands / name).symlink_to(shutil.which(name))
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")

    def started(*names: str, **environment: str) -> tuple[str, str]:
        for name in ("make", "python", "id", *names):
            (commands / name).write_text(f"#!{shutil.which('bash')}\n{COMMANDS.get(name, LOG)}")
            (commands / name).chmod(0o755)
        known = {"PATH": str(commands), "LOGGED": str(tmp_path / "log"), "USER_NUMBER": "0", "SUDO": "", **environment}
        words = [shutil.which("bash"), str(tmp_path / ".ci/run")]
        done = subprocess.run(words, env=known, capture_output=True, text=True, check=True)
        return done.stdout, (tmp_path / "log").read_text()

    return started


def test_where_chromium_is_nothing_is_installed(run):
    printed, called = run("chromium", "apt-get")
    assert printed == ""
    assert called.endswith(ALL + SLOW)


def test_root_installs_it(run):
    printed, called = run("apt-get")
    assert printed == ""
    installed = called.replace("chromium-browser", "chromium")  # Ubuntu's name for it
    assert installed.endswith(f"{ALL}apt-get update -qq\napt-get install -qq chromium\n{SLOW}")


def test_sudo_without_a_password_installs_it(run):
    printed, called = run("apt-get", "sudo", USER_NUMBER="1000", SUDO="free")
    assert printed == ""
    assert "\nsudo -n env DEBIAN_FRONTEND=noninteractive apt-get install -qq chromium" in called
    assert called.endswith(SLOW)


@pytest.mark.parametrize("names", [(), ("apt-get", "sudo")])
def test_where_it_may_not_it_says_that_browser_tests_are_skipped(run, names):
    printed, called = run(*names, USER_NUMBER="1000")
    assert printed == SKIPPED
    assert "apt-get" not in called
    assert called.endswith(SLOW)
