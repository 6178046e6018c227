"""Records wait for the disk, in order."""

import threading

import pytest
import trio
import trio.testing
from eventually import eventually

from pymix_voice.edge.records import MOST_WAITING, Outbox
from pymix_voice.errors import ConfigError
from pymix_voice.mix.neighbours import Said
from pymix_voice.zone.records import Ready, Record

pytestmark = pytest.mark.live

RECORD = Ready(1)


class Disk:
    """A disk that takes as long as the test likes."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.kept: list[int] = []
        self.said: list[tuple[int, Record]] = []
        self.kept_when_said: list[list[int]] = []

    def keep(self, epoch: int) -> None:
        assert self.go.wait(5)
        self.kept.append(epoch)

    def send(self, peer: int, record: Record) -> None:
        self.said.append((peer, record))
        self.kept_when_said.append(list(self.kept))


async def test_what_rests_on_nothing_leaves_at_once() -> None:
    disk = Disk()
    Outbox(disk.send, disk.keep).put(Said(None, [(-1, RECORD)]))
    assert disk.said == [(-1, RECORD)]


async def test_a_signature_leaves_only_when_its_epoch_is_on_disk(nursery: trio.Nursery) -> None:
    disk = Disk()
    outbox = Outbox(disk.send, disk.keep)
    nursery.start_soon(outbox.run)
    outbox.put(Said(7, [(0, RECORD)]))
    outbox.put(Said(None, [(-1, RECORD)]))
    await trio.testing.wait_all_tasks_blocked()
    assert disk.said == []
    disk.go.set()
    await eventually(lambda: len(disk.said) >= 2)
    assert [peer for peer, _ in disk.said] == [0, -1]
    assert disk.kept_when_said == [[7], [7]]


async def test_nothing_is_signed_when_the_disk_refuses() -> None:
    disk = Disk()

    def refuse(epoch: int) -> None:
        raise ConfigError("mix1.signed cannot be written")

    outbox = Outbox(disk.send, refuse)
    outbox.put(Said(7, [(0, RECORD)]))
    with pytest.raises(ConfigError, match="cannot be written"), trio.fail_after(5):
        await outbox.run()
    assert disk.said == []


async def test_a_disk_that_never_answers_is_told() -> None:
    disk = Disk()
    outbox = Outbox(disk.send, disk.keep)
    for _ in range(MOST_WAITING):
        outbox.put(Said(7, [(0, RECORD)]))
    with pytest.raises(ConfigError, match="the disk with the key file does not answer"):
        outbox.put(Said(7, [(0, RECORD)]))
