"""What a person, or a program, is told about calls."""

import json

import pytest

from pymix_voice.cli.telling import SENTENCES, Teller
from pymix_voice.client.states import State


def test_every_state_has_its_sentence() -> None:
    assert {state.value for state in State} - {"idle"} <= set(SENTENCES)


def test_people_read_sentences_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    teller = Teller(as_json=False)
    teller.tell("in zone", {"population": 7})
    teller.tell("ended", {"reason": "nobody answered"})
    teller.note("mind the gap")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "in the zone: you can be called, and call (7 clients in it)",
        "ended: nobody answered",
        "mind the gap",
    ]


def test_only_who_can_answer_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    Teller(as_json=False, asks=True).tell("incoming", {})
    Teller(as_json=False).tell("incoming", {})
    assert capsys.readouterr().err.splitlines() == [
        "somebody unknown calls; answer? [y/n]",
        "somebody unknown calls",
    ]


def test_contacts_are_told_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    teller = Teller(as_json=False)
    teller.tell("incoming", {"name": "Zoë {x}", "verified": False})
    teller.tell("talking", {"name": "Zoë", "verified": True, "check": "1234 5678 9012"})
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "Zoë {x} calls"
    assert told[1].startswith("talking with Zoë (verified); both see the check digits 1234 5678")


def test_programs_read_objects_with_event_and_instant(capsys: pytest.CaptureFixture[str]) -> None:
    teller = Teller(as_json=True)
    teller.address("pymix1abc", "pymix-voice call pymix1abc")
    teller.tell("ended", {"reason": "nobody answered"})
    out, err = capsys.readouterr()
    assert err == ""
    first, second = (json.loads(line) for line in out.splitlines())
    assert first["address"] == "pymix1abc"
    assert (second["event"], second["reason"]) == ("ended", "nobody answered")
    assert second["t"] >= first["t"]


def test_the_address_is_a_result_and_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    Teller(as_json=False).address("pymix1abc", "pymix-voice call pymix1abc")
    out, err = capsys.readouterr()
    assert out == "your address: pymix1abc\n"
    assert "pymix-voice call pymix1abc" in err


def test_a_call_is_summed_up_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    counts = {"frames_sent": 9, "frames_heard": 8, "frames_concealed": 1, "output": "b.wav"}
    Teller(as_json=False).tell("summary", counts)
    assert capsys.readouterr().err == (
        "9 frames sent, 8 frames heard, 1 frames concealed, recorded in b.wav\n"
    )


def test_repaired_frames_and_trouble_with_sound_are_told_if_there_were_any(
    capsys: pytest.CaptureFixture[str],
) -> None:
    counts = {"frames_sent": 9, "frames_heard": 8, "frames_concealed": 1, "output": None}
    more = {"frames_repaired": 3, "mouth_trouble": 0, "ear_trouble": 2}
    Teller(as_json=False).tell("summary", {**counts, **more})
    assert capsys.readouterr().err == (
        "9 frames sent, 8 frames heard, 1 frames concealed, 3 frames repaired, "
        "2 times no sound for the loudspeaker\n"
    )
