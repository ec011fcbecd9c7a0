"""The plugin as a whole: what it is called, how it ends, how it reads files, how quickly it is there."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from hypercare import __version__
from hypercare.cli.documents import read_documents
from hypercare.cli.failures import UnusableInput
from tests.unit.kubectl_hypercare import run


def test_without_arguments_it_says_what_it_does() -> None:
    ran = run()
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("Usage: kubectl hypercare [OPTIONS] COMMAND")


def test_it_tells_its_version() -> None:
    assert run("--version").out == f"hypercare {__version__}\n"


@pytest.mark.parametrize("wrong", [["--colour"], ["bactest"]])
def test_wrong_use_is_one_line_and_where_to_look(wrong: list[str]) -> None:
    ran = run(*wrong)
    assert (ran.code, ran.out) == (2, "")
    error, hint = ran.err.splitlines()
    assert error.startswith("error: No such ")
    assert hint == "See 'kubectl hypercare --help'."


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["list", "-o", "wide"], "error: Invalid value for '--output' / '-o': 'wide' is not one of"),
        (["status", "deploy/checkout"], "error: Invalid value for 'NAME': 'deploy/checkout' is not the name of a"),
        (["why", "hcp/"], "error: Invalid value for 'NAME': 'hcp/' is not the name of a"),
    ],
)
def test_a_value_that_cannot_be_used_is_told_in_the_words_of_the_command(arguments: list[str], told: str) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(told)


@pytest.mark.parametrize(
    ("command", "usage"),
    [
        ("status", "status [OPTIONS] NAME"),
        ("watch", "watch [OPTIONS] [NAME]"),
        ("lint", "lint [OPTIONS] FILE..."),
        ("init", "init [OPTIONS] [KIND/NAME]..."),
        ("list", "list [OPTIONS]"),
    ],
)
def test_the_usage_is_written_as_kubectl_writes_it(command: str, usage: str) -> None:
    assert run(command, "--help").out.startswith(f"Usage: kubectl hypercare {usage}\n")


@pytest.mark.parametrize("early", [["-n", "shop", "list"], ["--context", "home", "status", "checkout"]])
def test_an_option_in_front_of_its_command_is_told_where_it_belongs(early: list[str]) -> None:
    ran = run(*early)
    assert (ran.code, ran.out) == (2, "")
    assert "(options of a command stand behind it: list -n shop)" in ran.err.splitlines()[0]
    assert "stand behind" not in run("list", "--bogus").err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_of_the_program_by_its_file_name(shell: str) -> None:
    script = run("--show-completion", environment={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})
    assert script.code == 2, "a shell must be named where none is detected"
    script = run("--show-completion", shell, environment={"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})
    assert "kubectl-hypercare" in script.out
    assert "kubectl hypercare" not in script.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["sta"], ["status", ":4"]),
        (["wait", "--for", ""], ["end", "protected", ":4"]),
        (["lint", "--st"], ["--strict", ":4"]),
        (["status", "it's", "x"], [":0"]),
        (["lint", "per"], [":0"]),
    ],
)
def test_kubectl_is_told_how_to_complete(words: list[str], told: list[str]) -> None:
    command = [sys.executable, "-m", "hypercare.cli.kubectl_completion", *words]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout.split(), ran.stderr) == (0, told, "")


def test_help_and_completion_load_nothing_heavy() -> None:
    code = "import sys, hypercare.cli.app; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {"kopf", "kubernetes", "aiohttp", "requests", "rich", "yaml", "promql_parser", "asyncio"}


def test_help_is_there_at_once() -> None:
    """In processor time of its own: how busy the machine is says nothing about the program."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run("--help").code == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


def written(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "period.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_documents_are_read_as_kubectl_reads_them(tmp_path: Path) -> None:
    text = "a: 1e-3\nb: 2026-11-20T22:00:00Z\nc: 16:00\nd: 0.5\ne: 7\nf: yes\ng: -2\nh: 1.\ni: 0.1e2\nj: 1d\nk: 08\n"
    (found,) = read_documents(written(tmp_path, text))
    assert found.body == {
        "a": 0.001,
        "b": "2026-11-20T22:00:00Z",
        "c": "16:00",
        "d": 0.5,
        "e": 7,
        "f": True,
        "g": -2,
        "h": 1.0,
        "i": 10.0,
        "j": "1d",
        "k": "08",
    }


def test_a_file_of_several_documents_numbers_them_and_a_list_is_its_items(tmp_path: Path) -> None:
    text = "---\n{kind: A}\n---\n---\n{kind: List, items: [{kind: B}, {kind: C}]}\n"
    path = written(tmp_path, text)
    assert [(each.source.removeprefix(path), each.kind) for each in read_documents(path)] == [
        ("[0]", "A"),
        ("[1]", "B"),
        ("[2]", "C"),
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ": holds no object"),
        ("---\n", ": holds no object"),
        ("spec", "[0]: is not an object with fields"),
        ("[1]", "[0]: is not an object with fields"),
        ("a: {b: c", ":1:9: is not YAML: expected ',' or '}', but got '<stream end>'"),
        ("a: !!python/object:os.system {}", ":1:4: is not YAML: could not determine a constructor"),
        ("a: 1\n{b: 2}", ":2:7: is not YAML: could not find expected ':'"),
        ("{kind: List, items: [1]}", "[0].items[0]: is not an object with fields"),
        (b"\xff\xfe", ": is not UTF-8 text"),
        ("a: \x00", ": is not YAML"),
        ("{" * 5000, ": is not YAML"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(tmp_path: Path, text: str | bytes, told: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UnusableInput) as refused:
        read_documents(path)
    message = str(refused.value)
    assert message.startswith(path + told)
    assert "\n" not in message


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match=r"absent\.yaml: No such file or directory"):
        read_documents(str(tmp_path / "absent.yaml"))
