"""One list of keys an epoch, signed by every mix, and nothing a dishonest neighbour could use."""

from collections.abc import Callable

import pytest
from zones import example_keys, example_zone

from pymix_voice.errors import BadCell, Drop, Misuse
from pymix_voice.mix.lists import Editor, Signer
from pymix_voice.onion import curves
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.keys import KeyPair
from pymix_voice.zone.descriptor import Descriptor, parse_descriptor
from pymix_voice.zone.zonefile import Zone

EPOCH = 450_000
ZONE = example_zone(mixes=3)
LOW_ORDER = bytes(32)


def signer(hop: int = 1, first: int = EPOCH, zone: Zone = ZONE) -> Signer:
    keys, _ = example_keys(3)
    seed = keys[hop].sign
    assert seed is not None
    return Signer(zone, hop, seed.reveal(), first - 1, Dice.seeded(100 + hop))


def others_key(number: int) -> bytes:
    return KeyPair.draw(Dice.seeded(number)).public


def body_with(
    key: bytes, epoch: int = EPOCH, zone: Zone = ZONE, *, first: bytes | None = None, hop: int = 1
) -> bytes:
    keys = [others_key(1) if first is None else first, others_key(2), others_key(3)]
    keys[hop] = key
    number = zone.geometry.first_round(epoch)
    return Descriptor(zone.hash, epoch, number, tuple(keys)).body


def refusal(attempt: Callable[[], object]) -> Drop:
    with pytest.raises(BadCell) as caught:
        attempt()
    return caught.value.reason


def own_key(of: Signer, epoch: int = EPOCH) -> bytes:
    key = of.key(epoch)
    assert key is not None
    return key.public


def test_a_list_with_the_own_key_is_signed() -> None:
    mix = signer()
    body = body_with(own_key(mix))
    curves.verify(ZONE.mixes[1].sign, body, mix.sign(EPOCH, body))


def test_the_same_list_gets_the_same_signature_again() -> None:
    mix = signer()
    body = body_with(own_key(mix))
    assert mix.sign(EPOCH, body) == mix.sign(EPOCH, body)
    mix.wipe_until(EPOCH)
    assert mix.sign(EPOCH, body)


def test_another_list_for_the_same_epoch_is_refused() -> None:
    mix = signer()
    key = own_key(mix)
    mix.sign(EPOCH, body_with(key))
    other = body_with(key, first=others_key(9))
    assert refusal(lambda: mix.sign(EPOCH, other)) == Drop.REFUSED


def test_the_onion_key_of_an_epoch_is_drawn_once_and_differs_in_each() -> None:
    mix = signer()
    assert own_key(mix) == own_key(mix)
    assert own_key(mix) != own_key(mix, EPOCH + 1)


def test_below_the_first_allowed_epoch_there_is_no_key_and_no_signature() -> None:
    mix = signer(first=EPOCH)
    assert mix.key(EPOCH - 1) is None
    body = body_with(others_key(5), EPOCH - 1)
    assert refusal(lambda: mix.sign(EPOCH - 1, body)) == Drop.REFUSED


@pytest.mark.parametrize(("signed", "present"), [(-1, EPOCH - 2), (EPOCH - 1, EPOCH - 40)])
def test_after_a_start_the_first_epoch_is_above_the_disk_and_two_ahead_of_now(
    signed: int, present: int
) -> None:
    mix = signer(first=signed + 1)
    mix.start(present)
    assert mix.key(EPOCH - 1) is None
    assert mix.key(EPOCH) is not None


def test_only_the_first_word_on_which_epoch_it_is_counts() -> None:
    mix = signer(first=0)
    mix.start(EPOCH - 2)
    mix.start(EPOCH - 9)
    mix.start(EPOCH + 9)
    assert mix.key(EPOCH - 1) is None
    assert mix.key(EPOCH) is not None


def test_after_a_signature_no_older_epoch_is_signed() -> None:
    mix = signer()
    older = body_with(own_key(mix))
    newer = body_with(own_key(mix, EPOCH + 1), EPOCH + 1)
    mix.sign(EPOCH + 1, newer)
    assert refusal(lambda: mix.sign(EPOCH, older)) == Drop.REFUSED
    assert mix.sign(EPOCH + 1, newer)


def test_lists_that_are_wrong_in_any_way_are_refused_and_the_right_one_signed_after() -> None:
    mix = signer()
    key = own_key(mix)
    right = body_with(key)
    wrong = [
        (body_with(others_key(7)), Drop.REFUSED),
        (body_with(key, EPOCH + 1), Drop.REFUSED),
        (body_with(key, zone=example_zone(mixes=3, seed=2)), Drop.REFUSED),
        (body_with(key, hop=0), Drop.REFUSED),
        (right[:-1], Drop.MALFORMED),
        (right + b"\0", Drop.MALFORMED),
        (b"", Drop.MALFORMED),
        (body_with(key, first=LOW_ORDER), Drop.REFUSED),
        (body_with(key, first=b"\1" + bytes(31)), Drop.REFUSED),
    ]
    for body, reason in wrong:
        attempt = lambda body=body: mix.sign(EPOCH, body)  # noqa: E731
        assert refusal(attempt) == reason
    assert mix.sign(EPOCH, right)


def test_a_list_is_refused_without_a_key_of_ones_own() -> None:
    mix = signer()
    body = body_with(others_key(4))
    assert refusal(lambda: mix.sign(EPOCH, body)) == Drop.REFUSED


def test_wiped_keys_are_gone_and_later_ones_stay() -> None:
    mix = signer()
    first, second = mix.key(EPOCH), mix.key(EPOCH + 1)
    assert first is not None
    assert second is not None
    mix.wipe_until(EPOCH)
    with pytest.raises(Misuse, match="wiped"):
        first.private.reveal()
    assert second.private.reveal()


def test_the_editor_makes_a_descriptor_that_every_client_takes() -> None:
    mixes = [signer(hop) for hop in range(3)]
    editor = Editor(ZONE, EPOCH)
    assert editor.waits_for == ["mix-0", "mix-1", "mix-2"]
    done = [editor.add_key(hop, own_key(mixes[hop])) for hop in (2, 0, 1)]
    assert done == [False, False, True]
    assert editor.body is not None
    whole = [editor.add_signature(hop, mixes[hop].sign(EPOCH, editor.body)) for hop in (1, 0, 2)]
    assert whole[:2] == [None, None]
    assert whole[2] is not None
    parsed = parse_descriptor(whole[2], ZONE)
    assert parsed.epoch == EPOCH
    assert parsed.onion_keys == tuple(own_key(mix) for mix in mixes)
    assert editor.waits_for == []


def test_the_first_key_of_a_mix_counts_and_none_after_the_list_is_made() -> None:
    editor = Editor(ZONE, EPOCH)
    editor.add_key(0, others_key(1))
    editor.add_key(0, others_key(2))
    editor.add_key(1, others_key(3))
    assert editor.waits_for == ["mix-2"]
    assert not editor.add_key(3, others_key(4)), "there is no fourth mix"
    assert editor.add_key(2, others_key(5))
    assert not editor.add_key(2, others_key(6))
    assert (
        editor.body
        == Descriptor(
            ZONE.hash,
            EPOCH,
            ZONE.geometry.first_round(EPOCH),
            (others_key(1), others_key(3), others_key(5)),
        ).body
    )


def test_signatures_that_are_not_of_that_mix_and_list_are_refused() -> None:
    mixes = [signer(hop) for hop in range(3)]
    editor = Editor(ZONE, EPOCH)
    assert refusal(lambda: editor.add_signature(0, bytes(64))) == Drop.UNEXPECTED
    for hop in range(3):
        editor.add_key(hop, own_key(mixes[hop]))
    assert editor.body is not None
    signature = mixes[0].sign(EPOCH, editor.body)
    assert refusal(lambda: editor.add_signature(1, signature)) == Drop.FORGED
    assert refusal(lambda: editor.add_signature(0, bytes(64))) == Drop.FORGED
    assert refusal(lambda: editor.add_signature(3, signature)) == Drop.UNEXPECTED
    assert editor.add_signature(0, signature) is None
    assert editor.add_signature(0, bytes(64)) is None, "it is there already"
    assert editor.waits_for == ["mix-1", "mix-2"]
