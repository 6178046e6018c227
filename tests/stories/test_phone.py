"""A phone that stays in the zone, told what to do by lines, and an echo test to call."""

from pathlib import Path

import pytest

from pymix_voice.cli import main
from pymix_voice.edge.clock import Clock
from pymix_voice.lab.processes import Part, Parts, Told, parts_in
from pymix_voice.lab.zoning import START_S, ZONE_S, client, make_zone, samples, start_zone

pytestmark = pytest.mark.live

WITHIN_S = 60.0
"""Until anything that a call needs has happened, on a busy computer."""


async def echo_in_a_zone(parts: Parts, home: Path) -> Part:
    zone = await make_zone(parts, home / "zone", 3)
    await start_zone(parts, zone, home / "zone")
    echo = parts.start("echo", *client("echo", home, "echo"))
    await echo.until("in zone", within_s=ZONE_S)
    return echo


async def soon(phone: Part, event: str, **fields: object) -> Told:
    """The next thing told under this name, with these fields."""

    def fits(told: Told) -> bool:
        return all(told[name] == value for name, value in fields.items())

    return await phone.until(event, within_s=WITHIN_S, since=Clock.now(), where=fits)


@pytest.mark.slow
async def test_one_dials_mutes_hangs_up_and_dials_again_without_leaving_the_zone(
    tmp_path: Path,
) -> None:
    async with parts_in(tmp_path) as parts:
        echo = await echo_in_a_zone(parts, tmp_path)
        address = str((await echo.until("address", within_s=START_S))["address"])
        profile = str(tmp_path / "alice")
        assert main(["contacts", "add", "Echo", address, "--profile", profile]) == 0
        speech = str(samples() / "austen-leisure.wav")
        words = [*client("phone", tmp_path, "alice"), "--status", "0.2", "--input", speech]
        phone = parts.start("phone", *words, lasts=False)
        await phone.until("in zone", within_s=START_S + ZONE_S)
        for _ in range(2):
            phone.order("dial echo")
            await soon(phone, "talking", name="Echo")
            # One hears oneself, a second later.
            await phone.until(
                "status",
                within_s=WITHIN_S,
                since=Clock.now(),
                where=lambda told: told["level_out"] > -40,
            )
            status = await soon(phone, "status", state="talking", name="Echo")
            assert status["loss_after"] < 0.1
            assert 0 < status["mouth_to_ear_ms"] < 500
            assert status["population"] == 2
            phone.order("mute")
            await soon(phone, "status", muted=True)
            phone.order("unmute")
            phone.order("verify")
            await soon(phone, "status", verified=True, muted=False)
            phone.order("hangup")
            await soon(phone, "ended", reason="you hung up")
            idle = await soon(phone, "status", state="idle")
            assert idle["chain_loss"] < 0.1
        assert len(phone.all_told("online")) == 1, "one session, from the first call to the last"
        phone.order("quit")
        await phone.finished(within_s=WITHIN_S)
