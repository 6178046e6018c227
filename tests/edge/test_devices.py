"""Sound devices: listed, chosen, and looked for anew."""

import ctypes
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from fakesound import FakeStream, device, use
from hypothesis import given
from hypothesis import strategies as st

from pymix_voice.edge.devices import Device, Side, abandon, choose, devices, portaudio, restart
from pymix_voice.errors import SoundError

FOUND = [
    Device(0, "HDA Intel PCH: ALC257 (hw:0,0)", "ALSA", 2, 2, False, False),
    Device(1, "Headset", "ALSA", 1, 2, False, False),
    Device(2, "Headset (old)", "ALSA", 1, 0, False, False),
    Device(3, "HDMI 0", "ALSA", 0, 8, False, True),
    Device(4, "system", "JACK Audio Connection Kit", 1, 1, True, False),
]


def test_all_devices_are_listed_with_their_sound_systems_and_the_default_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = use(monkeypatch, device("one", 2, 0), device("two", 0, 2), device("three", host=1))
    sound.default.device = [0, 2]
    one, two, three = devices()
    assert one == (0, "one", "ALSA", 2, 0, True, False)
    assert two == (1, "two", "ALSA", 0, 2, False, False)
    assert three == (2, "three", "JACK Audio Connection Kit", 1, 1, False, True)
    assert [each.dies_hard for each in (one, two, three)] == [False, False, True]
    assert [one.serves(side) for side in Side] == [True, False]
    assert [three.is_default(side) for side in Side] == [False, True]


def test_no_devices_are_an_empty_list(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch).default.device = [-1, -1]
    assert devices() == []


def test_a_portaudio_that_cannot_list_says_why_without_numbers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(monkeypatch).refuses = "list"
    with pytest.raises(SoundError) as told:
        devices()
    assert str(told.value) == "PortAudio cannot list the devices: Internal error"


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("raise OSError('PortAudio library not found')", "`apt-get install libportaudio2`"),
        ("raise ImportError('cffi')", "`pip install sounddevice`"),
        (
            "class PortAudioError(Exception): pass\nraise PortAudioError('no [PaErrorCode -1]')",
            "PortAudio does not start: no",
        ),
    ],
)
def test_a_missing_library_is_told_with_the_line_that_installs_it(
    source: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sounddevice.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(SoundError) as error:
        portaudio()
    assert told in str(error.value)
    assert "PaErrorCode" not in str(error.value)


# ── choosing ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("side", "wanted", "number"),
    [
        (Side.INPUT, None, 4),
        (Side.OUTPUT, None, 3),
        (Side.INPUT, "1", 1),
        (Side.OUTPUT, " 0 ", 0),
        (Side.INPUT, "alc257", 0),
        (Side.OUTPUT, "head", 1),
        (Side.INPUT, "headset", 1),
        (Side.INPUT, "OLD", 2),
        (Side.INPUT, "System", 4),
    ],
)
def test_a_device_is_meant_by_its_number_or_name_or_is_the_default(
    side: Side, wanted: str | None, number: int
) -> None:
    assert choose(FOUND, side, wanted).number == number


def test_without_a_default_the_first_usable_device_is_taken() -> None:
    assert choose(FOUND[:3], Side.INPUT, None).number == 0


@pytest.mark.parametrize(
    ("side", "wanted", "told"),
    [
        (Side.INPUT, "h", "3 input devices match 'h'"),
        (Side.OUTPUT, "h", "3 output devices match 'h'"),
        (Side.INPUT, "3", "no input device matches '3'"),
        (Side.OUTPUT, "99", "no output device matches '99'"),
        (Side.OUTPUT, "²", "no output device matches '²'"),
        (Side.OUTPUT, "piano", "no output device matches 'piano'"),
    ],
)
def test_an_unclear_wish_is_answered_with_all_that_could_be_meant(
    side: Side, wanted: str, told: str
) -> None:
    with pytest.raises(SoundError) as error:
        choose(FOUND, side, wanted)
    assert told in str(error.value)
    assert "1 (Headset)" in str(error.value)
    assert ("3 (HDMI 0)" in str(error.value)) == (side == Side.OUTPUT)


@pytest.mark.parametrize(
    ("side", "thing", "option"),
    [(Side.INPUT, "microphone", "--input"), (Side.OUTPUT, "loudspeaker", "--output")],
)
def test_without_any_device_files_are_proposed(side: Side, thing: str, option: str) -> None:
    with pytest.raises(SoundError) as error:
        choose([], side, None)
    for words in (f"no {thing} was found", option, "--silent", "`pymix-voice devices`"):
        assert words in str(error.value)


@given(st.sampled_from(Side), st.text(max_size=12))
def test_any_words_choose_a_device_of_that_side_or_end_in_a_sentence(
    side: Side, wanted: str
) -> None:
    with suppress(SoundError):
        assert choose(FOUND, side, wanted).serves(side)


# ── looking anew ─────────────────────────────────────────────────────────────────────────────


def test_a_restarted_portaudio_sees_what_was_plugged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = use(monkeypatch, device("one"))
    sound.found.append(device("two"))
    assert [each.name for each in devices()] == ["one"]
    restart()
    assert [each.name for each in devices()] == ["one", "two"]


def test_a_portaudio_that_did_not_start_is_started_the_next_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sound = use(monkeypatch, device("one"))
    sound.refuses = "initialize"
    for _ in range(2):
        with pytest.raises(SoundError, match=r"does not start again: Error initializing"):
            restart()
    sound.refuses = ""
    restart()
    assert [each.name for each in devices()] == ["one"]


def test_a_dead_sound_system_is_left_behind_for_a_fresh_copy_of_the_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ctypes.CDLL("libportaudio.so.2")  # there must be one that can be copied
    sound = use(monkeypatch, device("one"))
    stream = FakeStream(sound, "input", {"callback": None})
    abandon([stream])
    abandon([])
    assert sound.starts == 3
    assert sound.library == "copy 2 of the library"
    assert len(set(sound.copies)) == 2, "the same name would be the same library"
    assert stream.calls == []


PROGRAM = """
import sys
sys.path.insert(0, {folder!r})
from pymix_voice.edge.devices import leave_behind, portaudio
portaudio()
if {left}:
    leave_behind([object()])
"""


@pytest.mark.parametrize("left", [False, True])
@pytest.mark.slow
def test_a_program_ends_without_ending_what_was_left_behind(left: bool, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text(
        "import atexit\n_lib = None\ndef _exit_handler(): print('PortAudio ended')\n"
        "atexit.register(_exit_handler)\n"
    )
    program = PROGRAM.format(folder=str(tmp_path), left=left)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout == ("" if left else "PortAudio ended\n")
