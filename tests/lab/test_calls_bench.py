"""The plan of the latency benchmark, and what it tells, also when little was measured."""

from io import StringIO
from pathlib import Path

import pytest
import trio
from rich.console import Console

from pymix_voice.errors import ConfigError
from pymix_voice.lab.calls import bench, shown
from pymix_voice.lab.calls.bench import MAIN, Bench, Found, plan_of, recordings, summary
from pymix_voice.lab.calls.figures import SetUp
from pymix_voice.lab.calls.instants import spread
from pymix_voice.lab.calls.trial import Said, Setting, Trial
from pymix_voice.lab.peers.beside import Scheme
from pymix_voice.lab.peers.voices import Voice, missing
from pymix_voice.lab.processes import PartError, Told
from pymix_voice.lab.profiles import find
from pymix_voice.lab.report.results import taken

SAID = Path("caller.wav"), Path("callee.wav")


def told_by(found: Found) -> str:
    """What a person reads of it."""
    console = Console(file=StringIO(), width=200)
    console.print(shown.table(summary(found)))
    for sentence in shown.sentences(summary(found)):
        console.print(sentence)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def run(values: list[float], name: str = MAIN.name) -> Told:
    """Figures of a run that nobody made."""
    setting = {"mixes": 3, "clients": 2, "round_ms": 20, "network": "none", "calls": 1}
    shares = {"jitter_ms": 1.0, "loss": 0.01, "loss_after_repair": 0.0, "correlation": 0.99}
    return {
        "name": name,
        **setting,
        **shares,
        "mouth_to_ear_ms": spread(values),
        "values_ms": values,
        "cell_ms": spread([20.0]),
        "parts_ms": {"frame": 20.0, "playout": 15.0},
        "setup_s": {"ringing": None, "speech": 7.0},
    }


def test_a_full_plan_has_chains_of_1_to_5_crowds_of_500_and_networks_that_there_are() -> None:
    plan, schemes = plan_of(quick=False)
    assert {setting.mixes for setting in plan} == {1, 2, 3, 4, 5}
    assert {2, 500} <= {setting.clients for setting in plan}
    assert plan.count(MAIN) == 3
    assert [find(setting.network).name for setting in plan] == [each.network for each in plan]
    assert {"direct", "timers"} <= {scheme.name for scheme in schemes}
    assert all(setting.clients >= 2 * setting.pairs for setting in plan)


@pytest.mark.parametrize("short", [{"quick": True}, {"quick": False, "tour": True}])
def test_short_plans_have_the_chain_and_the_floor(short: dict[str, bool]) -> None:
    plan, schemes = plan_of(**short)
    assert list(plan) == [MAIN]
    assert schemes[0].name == "direct"
    assert len(schemes) <= 2


def test_nothing_measured_is_told_as_nothing() -> None:
    told = summary(Found(quick=True))
    assert told["mouth_to_ear_ms"]["n"] == 0
    assert told["direct_ms"] is told["added_ms"] is None
    assert taken({"latency": told}).latency is not None
    assert "Reported by others" in told_by(Found(quick=True))


def test_what_the_chain_adds_is_the_difference_to_the_floor() -> None:
    found = Found(quick=True, whole=True)
    found.runs = {MAIN.name: run([70.0, 80.0, 90.0])}
    found.beside = [
        Voice("direct", "hides nothing", [40.0, 50.0, 60.0], 0.0, 0.99),
        missing("tor", "three relays", "tor is not installed"),
    ]
    told = summary(found)
    assert (told["added_ms"]["p50"], told["added_ms"]["n"]) == (30.0, 3)
    assert told["beside"][1]["mouth_to_ear_ms"] is None
    assert taken({"latency": told}).latency is not None
    text = told_by(found)
    assert "adds 30 ms" in text
    assert "Not measured: tor: tor is not installed." in text


def test_set_up_is_told_in_epochs_of_its_own_zone() -> None:
    found = Found(quick=False, set_ups=[SetUp(4.0, 6.0, 4.0), SetUp(None, 16.0, 8.0)])
    setups = summary(found)["setups"]
    assert setups["epochs"]["p50"] == 1.75
    assert (setups["ringing_epochs"]["p50"], setups["ringing_epochs"]["n"]) == (1.0, 1)


async def test_a_trial_that_fails_is_told_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[str] = []

    async def attempt(folder: Path, setting: Setting, said: Said) -> Trial:
        tried.append(setting.name)
        assert said == SAID
        if setting.name == "bad":
            raise ExceptionGroup("parts", [PartError("mix 1 ended with exit code 1")])
        await trio.lowlevel.checkpoint()
        return Trial(setting, 4.0, [], [], [], [])

    async def measure(said: Said, folder: Path) -> Voice:
        await trio.lowlevel.checkpoint()
        return Voice("direct", "hides nothing", [50.0], 0.0, 0.99)

    monkeypatch.setattr(bench, "try_calls", attempt)
    monkeypatch.setattr(bench, "run_of", lambda trials: run([70.0], trials[0].setting.name))
    schemes = [Scheme("direct", "hides nothing", measure)]
    steps: list[None] = []
    whole = Bench(
        [Setting("good"), Setting("bad"), Setting("good")],
        schemes,
        SAID,
        quick=False,
        tell=lambda text: None,
    )
    await whole.run(lambda: steps.append(None))
    assert tried == ["good", "bad", "good"]
    assert len(steps) == whole.steps == 4
    told = summary(whole.found)
    assert told["failed"] == {"bad": "mix 1 ended with exit code 1"}
    assert [each["name"] for each in told["runs"]] == ["good"]
    assert told["whole"] is True
    assert told["noise"]["before_ms"] > 0


def test_recordings_are_the_first_two_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.wav", "a.wav", "c.wav"):
        (tmp_path / name).touch()
    assert recordings(tmp_path) == (tmp_path / "a.wav", tmp_path / "b.wav")
    with pytest.raises(ConfigError, match="has 0 WAV files, but two are wanted"):
        recordings(tmp_path / "elsewhere")
    assert all(path.exists() for path in recordings(None))
