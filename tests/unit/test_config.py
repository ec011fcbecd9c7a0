"""Settings: flag over environment over default, and a refusal that names its source."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from hypercare.__main__ import main
from hypercare.config import InvalidSetting, Listen, LogFormat, LogLevel, Settings, add_options, settings_from

OPERATOR = Path(__file__).parents[2] / "operator"


def read(*arguments: str, **environment: str) -> Settings:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return settings_from(parser.parse_args(arguments), environment)


def test_the_defaults() -> None:
    assert read() == Settings(
        kubeconfig="",
        context="",
        namespaces=(),
        listen=Listen("0.0.0.0", 8080),
        log_format=LogFormat.TEXT,
        log_level=LogLevel.INFO,
        workers=32,
        api_timeout=10.0,
        resync=600.0,
        stuck_after=120.0,
        own_namespace="",
        allow_unchecked_authors=False,
    )


def test_a_flag_wins_over_the_environment() -> None:
    assert read("--workers", "4", HYPERCARE_WORKERS="8").workers == 4


def test_the_environment_wins_over_the_default() -> None:
    assert read(HYPERCARE_LOG_FORMAT="json").log_format is LogFormat.JSON


def test_an_empty_variable_counts_as_not_set() -> None:
    assert read(HYPERCARE_WORKERS="").workers == 32


def test_namespaces_are_repeated_or_listed_and_named_once() -> None:
    assert read("--namespace", "shop", "--namespace", "billing,shop").namespaces == ("shop", "billing")
    assert read(HYPERCARE_NAMESPACE="shop, billing").namespaces == ("shop", "billing")


def test_the_own_namespace_comes_from_the_pod_by_a_variable() -> None:
    assert read(HYPERCARE_OWN_NAMESPACE="hypercare-system").own_namespace == "hypercare-system"


def test_a_switch_needs_no_value_but_as_a_variable() -> None:
    flag, variable = "--allow-enforce-without-author-check", "HYPERCARE_ALLOW_ENFORCE_WITHOUT_AUTHOR_CHECK"
    assert read(flag).allow_unchecked_authors
    assert read(**{variable: "true"}).allow_unchecked_authors
    assert not read(**{variable: "false"}).allow_unchecked_authors
    with pytest.raises(InvalidSetting, match=f"^{variable}: 'maybe' is not one of true, false"):
        read(**{variable: "maybe"})


def test_an_address_may_be_of_ipv6() -> None:
    assert read("--listen", "[::1]:9090").listen == Listen("::1", 9090)


@pytest.mark.parametrize(
    ("flag", "value", "expected"),
    [
        ("--listen", "8080", "an address"),
        ("--listen", "localhost:http", "an address"),
        ("--listen", "localhost:70000", "an address"),
        ("--workers", "0", "from 1 to 1000"),
        ("--workers", "many", "from 1 to 1000"),
        ("--api-timeout", "nan", "from 0.1 to 300"),
        ("--log-format", "xml", "one of text, json"),
        ("--log-level", "loud", "one of debug, info, warning, error"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_its_source(flag: str, value: str, expected: str) -> None:
    with pytest.raises(InvalidSetting, match=expected) as refusal:
        read(flag, value)
    assert str(refusal.value).startswith(f"{flag}: ")
    variable = f"HYPERCARE_{flag.removeprefix('--').replace('-', '_').upper()}"
    with pytest.raises(InvalidSetting, match=f"^{variable}: "):
        read(**{variable: value})


def test_without_a_command_the_help_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "hypercare-operator run" in capsys.readouterr().out


def test_a_wrong_flag_ends_with_code_2_and_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["run", "--listen", "nowhere"])
    assert ended.value.code == 2
    assert "--listen" in capsys.readouterr().err


def test_help_does_not_load_what_only_running_needs() -> None:
    code = "import sys, hypercare.__main__ as m; m.main([]); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=OPERATOR, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not {"kopf", "kubernetes", "aiohttp", "prometheus_client"} & loaded
