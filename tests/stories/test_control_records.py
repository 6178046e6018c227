"""A neighbour's records, in any order and with any values, raise nothing and stop no round."""

from hypothesis import given, settings
from hypothesis import strategies as st
from zones import FUZZ

from pymix_voice.gateway.machine import Gateway
from pymix_voice.lab.world import World
from pymix_voice.mix.machine import Mix
from pymix_voice.mix.neighbours import DOWN
from pymix_voice.zone import records
from pymix_voice.zone.records import Record

UNIX_EPOCH = 450_000_000
EPOCHS = st.one_of(st.integers(UNIX_EPOCH - 1, UNIX_EPOCH + 4), st.sampled_from([0, 1, 2**62]))
MIXES = st.integers(0, 7)
ONIONS = st.one_of(st.binary(max_size=400), st.integers(0, 30).map(lambda n: bytes(161 * n)))
COUNTS = st.integers(0, 50)
RECORDS: st.SearchStrategy[Record] = st.one_of(
    st.builds(records.Hello, st.integers(0, 2**62), st.booleans()),
    st.builds(records.OnionKey, EPOCHS, MIXES, st.binary(min_size=32, max_size=32)),
    st.builds(records.List, EPOCHS, st.binary(max_size=400)),
    st.builds(records.Signature, EPOCHS, MIXES, st.binary(min_size=64, max_size=64)),
    st.builds(records.Published, EPOCHS, st.binary(max_size=400)),
    st.builds(records.Setups, EPOCHS, COUNTS, ONIONS, ONIONS),
    st.builds(records.BatchEnd, EPOCHS, COUNTS, COUNTS),
    st.builds(records.Accepted, EPOCHS, COUNTS, COUNTS),
    st.builds(records.Ready, EPOCHS),
    st.builds(records.Decision, EPOCHS, st.booleans()),
    st.builds(records.Tick, st.integers(0, 2**62), st.floats(-1000, 1000)),
)


@given(said=st.lists(st.tuples(st.sampled_from([DOWN, 0, 1]), RECORDS), max_size=12))
@settings(FUZZ, max_examples=30)
def test_any_records_leave_a_mix_running(said: list[tuple[int, Record]]) -> None:
    # The first mix has two neighbours upstream, both processes of one gateway.
    world = World(seed=31, workers=2)
    world.run(0.3)
    for name in world.mix_names:
        mix = world.parts[name]
        assert isinstance(mix, Mix)
        for peer, record in said:
            if peer != DOWN or name != world.mix_names[-1]:
                up = peer if name == world.mix_names[0] else min(peer, 0)
                mix.receive_control(up, record, world.now)
        world.touch(name)
    rounds = world.parts["mix1"].rounds  # type: ignore[union-attr]
    world.run(0.3)
    assert world.parts["mix1"].rounds >= rounds + 14  # type: ignore[union-attr]


@given(said=st.lists(RECORDS, max_size=12))
@settings(FUZZ, max_examples=30)
def test_any_records_leave_a_gateway_running(said: list[Record]) -> None:
    world = World(seed=32)
    world.join("alice")
    world.run(0.3)
    gateway = world.parts["gateway1"]
    assert isinstance(gateway, Gateway)
    for record in said:
        gateway.receive_control(record, world.now)
    world.touch("gateway1")
    world.run(0.3)
    assert gateway.deadline() > world.now - 0.1
