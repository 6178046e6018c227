"""The command line: help that teaches, usage errors, exit codes."""

import subprocess
import sys

import pytest

from pymix_voice import cli
from pymix_voice.cli import main
from pymix_voice.errors import ConfigError, Misuse

COMMANDS = ["mix", "gateway", "listen", "call", "me", "demo", "geometry", "doctor"]
BELOW = [
    *("zone", "zone new", "zone key", "zone check", "me rename", "me new-door"),
    *("contacts", "contacts add", "contacts list", "contacts remove", "contacts rename"),
    "contacts verify",
]


def test_help_shows_a_first_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    for line in ("pymix-voice demo", "zone new myzone", "listen --zone", "call ADDRESS"):
        assert line in told


@pytest.mark.parametrize("command", [*COMMANDS, *BELOW])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    told = capsys.readouterr()
    assert f"pymix-voice {command}" in told.out
    assert told.err == ""


@pytest.mark.parametrize(
    "words",
    [
        ["bogus"],
        ["mix"],
        ["mix", "--port", "x"],
        ["mix", "--port", "7101", "--frob"],
        ["call"],
        ["zone", "new"],
        ["zone", "key", "f", "king", "name"],
        ["geometry", "--mixes", "many"],
        ["call", "pymix1", "--duration", "soon"],
    ],
)
def test_wrong_usage_is_one_sentence_and_code_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("pymix-voice: ")
    assert told.err.count("\n") == 1
    assert "--help` tells more" in told.err


def test_an_address_that_is_one_word_too_many_is_not_repeated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["contacts", "add", "Bob", "Smith", "pymix1" + "abcd2345" * 10]) == 2
    told = capsys.readouterr().err
    assert "['pymix1...']" in told
    assert "abcd" not in told
    assert "`pymix-voice contacts --help` tells more" in told


def test_no_words_at_all_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "Commands" in capsys.readouterr().out


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("pymix-voice 0.")


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (ConfigError("write it down"), 1, "pymix-voice: write it down\n"),
        (Misuse("sealed twice"), 70, "Traceback"),
        (ZeroDivisionError(), 70, "Traceback"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_whose_fault_it_was_is_in_the_exit_code(
    error: BaseException,
    code: int,
    told: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(cli, "make_app", lambda words: fail)
    assert main(["geometry"]) == code
    assert capsys.readouterr().err.startswith(told)


@pytest.mark.slow
def test_the_package_can_be_run_as_a_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pymix_voice", "geometry"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "epoch" in done.stdout


@pytest.mark.slow
def test_a_mix_needs_no_codec() -> None:
    program = (
        "import sys, pymix_voice.cli.serving as s;"
        "print([m for m in ('opuslib', 'soundfile', 'soxr') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.stdout == "[]\n"
