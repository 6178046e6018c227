"""Trials as benchmarks tell of them, made up: nobody measured these."""

from pymix_voice.lab.throughput.mixes import MixTrial
from pymix_voice.lab.throughput.zones import ZoneTrial


def mix(clients: int, cpu_s: float, *, loss_free: bool = True, links: str = "") -> MixTrial:
    return MixTrial(
        clients=clients,
        links=links or "chacha20-poly1305",
        seconds=10.0,
        rounds=500,
        cells=clients * 1_100,
        cpu_s=cpu_s,
        lost_rows=0 if loss_free else 9,
        wrong=0,
        epochs=1,
        late_ms=(0.5, 1.5),
        done_ms=(2.5, 6.5),
        trip_ms=(4.0, 9.0),
        resident_bytes=(60 << 20) + clients * 30_000,
        empty_bytes=60 << 20,
        loss_free=loss_free,
    )


def zone(clients: int, missed: int, online: int | None = None) -> ZoneTrial:
    return ZoneTrial(
        clients=clients,
        online=clients if online is None else online,
        sockets=4,
        mixes=3,
        seconds=60.0,
        expected=100_000,
        missed=missed,
        cells=clients * 6_600,
        cpu_s=30.0,
        crowd_cpu_s=40.0,
        bytes_in=clients * 60 * 55 * 152,
        bytes_out=clients * 60 * 55 * 176,
        late_ms=(0.4, 2.0),
        done_ms=(3.0, 7.0),
        delay_ms=(18.0, 25.0),
        resident_bytes=80 << 20,
        empty_bytes=50 << 20,
    )
