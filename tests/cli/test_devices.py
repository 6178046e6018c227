"""The command `devices`: what there is, and whether it works."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fakesound import BLOCK, device, running, use
from soundserver import sound_server

from pymix_voice.cli import devices as command
from pymix_voice.cli import main
from pymix_voice.voice.tones import Tone, period

LOUD = np.full(BLOCK, 8000, np.int16)
QUIET = np.zeros(BLOCK, np.int16)
COMMAND = (sys.executable, "-m", "pymix_voice", "devices")


def test_devices_are_listed_with_their_numbers_and_the_default_ones_marked(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = use(monkeypatch, device("inside", 1, 0), device("Headset"), device("TV", 0, 8, host=1))
    sound.default.device = [0, 1]
    assert main(["devices"]) == 0
    told = capsys.readouterr()
    assert told.err == ""
    assert [line.split() for line in told.out.splitlines()] == [
        ["no.", "name", "system", "microphone", "loudspeaker"],
        ["0", "inside", "ALSA", "default"],
        ["1", "Headset", "ALSA", "yes", "default"],
        ["2", "TV", "JACK", "Audio", "Connection", "Kit", "yes"],
    ]


def test_devices_are_listed_for_a_program_one_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, device("Headset", 1, 2), device("TV", 0, 8, host=1))
    assert main(["devices", "--json"]) == 0
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first == {
        "event": "device",
        "number": 0,
        "name": "Headset",
        "host": "ALSA",
        "inputs": 1,
        "outputs": 2,
        "default_input": True,
        "default_output": True,
    }
    assert (second["number"], second["name"], second["outputs"]) == (1, "TV", 8)


def test_that_there_are_no_devices_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch)
    assert main(["devices"]) == 0
    assert "no sound devices were found; plug one in" in capsys.readouterr().out
    assert main(["devices", "--json"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["devices", "--test"]) == 1
    assert capsys.readouterr().err.startswith("pymix-voice: no microphone was found")


def test_a_missing_library_is_told_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert main(["devices"]) == 1
    assert "`pip install sounddevice`" in capsys.readouterr().err


def test_a_device_that_is_not_there_cannot_be_tried(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, device("Headset"))
    assert main(["devices", "--test", "--input-device", "piano"]) == 1
    assert "no input device matches 'piano'" in capsys.readouterr().err


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.parametrize(
    ("heard", "told"),
    [
        (LOUD, "'Headset' works: -12 dB at the loudest"),
        (QUIET, "'Headset' heard next to nothing (-99 dB); is it muted, or is another one meant?"),
    ],
)
def test_a_microphone_that_hears_is_told_from_one_that_does_not(
    heard: np.ndarray[tuple[int], np.dtype[np.int16]],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command, "TEST_S", 0.3)
    sound = use(monkeypatch, device("Headset"))
    with running(sound, heard):
        assert main(["devices", "--test"]) == 0
    assert told in capsys.readouterr().out
    assert sound.open_streams() == []


@pytest.mark.live
@pytest.mark.slow
def test_devices_that_never_ask_for_sound_do_not_keep_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "TEST_S", 0.1)
    left: list[object] = []
    monkeypatch.setattr(command, "leave_behind", left.extend)
    sound = use(monkeypatch, device("system", host=1))
    assert main(["devices", "--test", "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told[1] == {"event": "test", "loudest_db": -99.0}
    assert left == sound.streams, "a dead JACK server must not be touched"


@pytest.mark.patient
@pytest.mark.slow
def test_real_devices_are_listed_and_tried(tmp_path: Path) -> None:
    with sound_server("test", tmp_path) as server:
        listed = subprocess.run(server.command(*COMMAND), capture_output=True, text=True)
        assert listed.stderr == ""
        assert listed.stdout.splitlines()[1].split()[:2] == ["0", "system"]
        trial = subprocess.Popen(
            server.command(*COMMAND, "--test", "--json"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with server.rig() as rig:
            rig.play(np.tile(LOUD, 100))
            told, complaints = trial.communicate(timeout=30)
    assert (trial.returncode, complaints) == (0, "")
    assert json.loads(told.splitlines()[-1])["loudest_db"] == pytest.approx(-12.2, abs=0.3)
    tone, heard = period(Tone.TEST).astype(float), rig.recording().heard
    assert np.max(np.abs(heard)) == pytest.approx(np.max(np.abs(tone)), rel=0.02)
