"""What a client's circuits are used for: its line to talk and dial, its door to be found.

    set-up    the line is at the call's drop, if there is a call that was confirmed
                       or guest at a peer's door, if a dial is on
                       or idle: plain at a random drop, or guest at its own door
              the door is host at its own drop, always

    state     idle -> dialing -> ringing --> connecting -> talking -> idle
              idle -> incoming ------------> connecting -> talking -> idle

The state is nothing but a reading of the dial and the call; it is told when it changes. Time
is counted in rounds. Whatever it is, the same work is done, and the same cells go out.

Source: the project's protocol page, section "Dialing, step by step".

Must not know: keystreams, the session, sound, what time it is.
"""

from collections.abc import Iterable, Sequence

from pymix_voice.client.call import Call, Ending
from pymix_voice.client.callkeys import Path
from pymix_voice.client.dialing import Knock
from pymix_voice.client.door import Doorstep
from pymix_voice.client.identity import Identity, door_drop
from pymix_voice.client.states import Event, Heard, State
from pymix_voice.client.uses import Dial, Loop, Use
from pymix_voice.errors import BadCell, Drop, Drops
from pymix_voice.geometry import DROP_BYTES, Geometry, is_door_round
from pymix_voice.onion.dice import Dice
from pymix_voice.onion.setup import Flag
from pymix_voice.zone.address import Address

OWN_DOOR_CHANCE = 1 / 16
"""How often an idle line knocks at its own door: cover for those who dial, and a self-test."""
DIAL_EPOCHS = 3
SPARE_EPOCHS = 2
"""A dial that has no rows, or waits for one that crosses it, ends so many epochs later."""
ABSENT_EPOCHS = 2
"""One empty door may be a guest before us, or a set-up that was lost; two are not."""


def loop_name(path: Path, number: int) -> int:
    """A number for the loop cell of a round on one of the two circuits; it rises."""
    return 2 * number + path


class Phone:
    """The person's side of a client.

    Args:
        geometry: gives epochs.
        me: identity and door key.
        contacts: identity keys that may call.
        strangers: whether others may, too.
        dice: for drops, loops and handshakes.
    """

    def __init__(
        self,
        geometry: Geometry,
        me: Identity,
        *,
        contacts: Sequence[bytes],
        strangers: bool,
        dice: Dice,
    ) -> None:
        self._geometry = geometry
        self._me = me
        self._contacts: Sequence[bytes] = ()
        self.know(contacts)
        self._strangers = strangers
        self._drop_dice = dice.fork("drops")
        self._loop_dice = dice.fork("loops")
        self._knock_dice = dice.fork("knocks")
        self._door_dice = dice.fork("doors")
        self._uses: dict[int, Use] = {}
        self._dial: Dial | None = None
        self._told = Event(State.IDLE)
        self._newest = -1
        self.call: Call | None = None
        self.events: list[Event] = []
        self.heard: list[Heard] = []
        self.loops_said: list[int] = []
        self.loops_back: list[int] = []
        """Loop cells that were said and that came back, by `loop_name`; whoever reads clears."""
        self.looped: list[Heard] = []
        """What came back on an idle line; whoever reads clears."""
        self.drops = Drops()

    # ── the person ───────────────────────────────────────────────────────────────────────

    def dial(self, peer: Address, number: int) -> None:
        """Call somebody; the next set-up begins it."""
        self.hang_up(number)
        self._dial = Dial(peer, number)
        self._notice(number)

    def know(self, contacts: Sequence[bytes]) -> None:
        """From the next epoch on, these are the identities that may call as contacts."""
        self._me.meet(contacts)
        self._contacts = contacts

    def accept(self, number: int) -> None:
        """Answer the call that rings here."""
        if self.call is not None and not self.call.caller:
            self.call.accepted = True
            self._notice(number)

    def hang_up(self, number: int) -> None:
        """End, cancel or decline whatever is on."""
        dialing, self._dial = self._dial, None
        self._give_up_knocks()
        if self.call is not None:
            declined = not self.call.caller and not self.call.accepted
            self._end(Ending.DECLINED_HERE if declined else Ending.HUNG_UP_HERE, number)
        elif dialing is not None:
            self._tell(Event(State.IDLE, dialing.peer.identity, Ending.HUNG_UP_HERE))

    def _give_up_knocks(self) -> None:
        for use in self._uses.values():
            if use.knock is None or (self.call is not None and use.knock.call is self.call):
                continue
            use.knock.given_up = True
            if use.knock.call is not None:
                # Answered, but not yet heard: it may ring there already.
                use.knock.call.end(Ending.HUNG_UP_HERE)

    def give_up_keys(self, number: int) -> None:
        """The zone's rounds went back: no key that seals by round may be used again."""
        uses = list(self._uses.values())
        self._uses.clear()
        self._newest = -1
        self._end(Ending.ROUNDS_WENT_BACK, number)
        for use in uses:
            self._wipe_unused(use.calls)
            use.wipe()

    @property
    def state(self) -> State:
        """How things stand."""
        return self._told.state

    # ── set-up ───────────────────────────────────────────────────────────────────────────

    def name_drops(self, epoch: int) -> tuple[tuple[bytes, Flag], tuple[bytes, Flag]]:
        """What line and door are for in the coming epoch: drop and flag of each.

        The same dice are drawn, and the same handshakes made, whatever comes of it.
        """
        random_drop = self._drop_dice.bytes(DROP_BYTES)
        own_door = self._drop_dice.chance(OWN_DOOR_CHANCE)
        dial = self._dial_for(epoch)
        target = self._me.address if dial is None else dial.peer
        knock = Knock(self._geometry, self._me, target, epoch, self._knock_dice)
        use = Use(
            Doorstep(
                self._geometry,
                self._me,
                epoch,
                contacts=self._contacts,
                strangers=self._strangers,
                dice=self._door_dice,
            ),
            line_loop=Loop(self._geometry.body_bytes, self._loop_dice),
            door_loop=Loop(self._geometry.body_bytes, self._loop_dice),
        )
        self._uses[epoch] = use
        door = door_drop(self._me.address.door_key, epoch), Flag.HOST
        if self.call is not None and self.call.confirmed:
            use.call = self.call
            return (self.call.keys.drop(epoch), Flag.PLAIN), door
        if dial is not None:
            use.knock = knock
            return (door_drop(dial.peer.door_key, epoch), Flag.GUEST), door
        use.own_door = own_door
        return ((door[0], Flag.GUEST) if own_door else (random_drop, Flag.PLAIN)), door

    def _dial_for(self, epoch: int) -> Dial | None:
        """The dial that the coming epoch's line serves, if there is one."""
        last = self._uses.get(epoch - 1)
        if self._dial is not None and last is not None and last.knock is not None:
            self._dial.epochs += last.knock.used
        return None if self._dial is None or self._dial.waiting else self._dial

    def forget_before(self, epoch: int) -> None:
        """Give up what epochs before this one were used for."""
        for old in [each for each in self._uses if each < epoch]:
            use = self._uses.pop(old)
            self._wipe_unused(use.calls)
            use.wipe()

    def _wipe_unused(self, calls: Iterable[Call]) -> None:
        """Forget the keys of those of these calls that no cell is sealed for any more."""
        kept = {self.call}.union(*(use.calls for use in self._uses.values()))
        for call in set(calls) - kept:
            call.keys.wipe()

    # ── rounds ───────────────────────────────────────────────────────────────────────────

    def say_line(self, epoch: int, number: int, frame: bytes | None) -> bytes | None:
        """The line's cell for a round, before its layers; None without a line."""
        use = self._uses.get(epoch)
        if use is None:
            return None
        if use.call is not None:
            return use.call.say(Path.LINE, number, frame)
        if use.knock is not None and is_door_round(number) and self._still_dials(use.knock):
            return use.knock.say(number, frame)
        self._expect_loop(use, Path.LINE, number)
        return use.line_loop.say(number, frame)

    def _expect_loop(self, use: Use, path: Path, number: int) -> None:
        if not (use.own_door and is_door_round(number)):
            self.loops_said.append(loop_name(path, number))

    def _still_dials(self, knock: Knock) -> bool:
        """A dial that was given up before it was answered goes quiet."""
        return knock.call is not None or not knock.given_up

    def say_door(self, epoch: int, number: int, frame: bytes | None) -> bytes | None:
        """The door's cell for a door round, before its layers; None without a door."""
        use = self._uses.get(epoch)
        if use is None:
            return None
        answer = use.doorstep.say(number, frame)
        if answer is not None:
            return answer
        if use.doorstep.call is None:
            self._expect_loop(use, Path.DOOR, number)
        return use.door_loop.say(number, frame)

    def hear_line(self, epoch: int, number: int, cell: bytes) -> None:
        """The line's cell of a round, its layers taken off."""
        use = self._uses.get(epoch)
        if use is None:
            return
        try:
            if use.call is not None:
                frame = use.call.hear(Path.LINE, number, cell)
                if frame is not None:
                    self.heard.append(Heard(number, frame))
            elif use.knock is not None and is_door_round(number) and self._still_dials(use.knock):
                use.knock.hear(number, cell)
                self._judge_knock(use.knock)
            elif (body := use.line_loop.hear(number, cell)) is not None:
                self.loops_back.append(loop_name(Path.LINE, number))
                self.looped.append(Heard(number, body))
            else:
                raise BadCell(Drop.FORGED)
        except BadCell as bad:
            self.drops[bad.reason] += 1
        self._notice(number)

    def hear_door(self, epoch: int, number: int, cell: bytes) -> None:
        """The door's cell of a door round, its layers taken off."""
        use = self._uses.get(epoch)
        if use is None:
            return
        try:
            use.doorstep.hear(number, cell)
        except BadCell as bad:
            # An empty door gives its own cell back.
            if use.door_loop.hear(number, cell) is not None:
                self.loops_back.append(loop_name(Path.DOOR, number))
            else:
                self.drops[bad.reason] += 1
        guest = use.doorstep.call
        if guest is not None and guest.confirmed and not use.judged:
            use.judged = True
            self._judge_guest(guest, number)
        self._notice(number)

    def _judge_knock(self, knock: Knock) -> None:
        """What came of dialing."""
        dial = self._dial
        if dial is None or knock.given_up:
            return
        if knock.nobody_there:
            if not knock.counted:
                knock.counted = True
                dial.empty += 1
            if dial.empty >= ABSENT_EPOCHS:
                self._fail_dial(Ending.ABSENT)
        elif knock.call is not None and knock.call.confirmed:
            if knock.call.crossing:
                dial.waiting = True
            else:
                self._dial, self.call = None, knock.call
                # One for the next epoch may be named already; it would call anew.
                self._give_up_knocks()

    def _judge_guest(self, guest: Call, number: int) -> None:
        """Somebody is at the door: ring, say busy, or settle two calls that cross."""
        current = self.call
        dials_us_back = self._dial is not None and self._dial.peer.identity == guest.peer
        called_it = current is not None and current.caller and not current.accepted
        if dials_us_back or (current is not None and called_it and current.peer == guest.peer):
            if self._me.key.public < guest.peer:
                guest.crossing = True
                return
            guest.accepted = True
            self._dial = None
            if current is not None:
                current.crossing = True
        elif current is not None:
            if current.peer != guest.peer:
                guest.end(Ending.BUSY)
                return
            # The handshake proves that it is the same peer, who has lost the call or its answer.
            guest.accepted = current.accepted and not current.caller
            current.end(Ending.REPLACED)
            self.call = guest
            self._wipe_unused([current])
        elif self._dial is not None:
            guest.end(Ending.BUSY)
            return
        self.call = guest

    def pass_round(self, number: int) -> None:
        """A round went by."""
        if self.call is not None:
            self.call.pass_time(number)
        dial = self._dial
        if dial is not None:
            if dial.began < 0:
                dial.began = number  # who dialed before the first session knew of no round
            longest = (DIAL_EPOCHS + SPARE_EPOCHS) * self._geometry.epoch_rounds
            if dial.epochs >= DIAL_EPOCHS or number - dial.began > longest:
                self._fail_dial(Ending.ABSENT if dial.empty else Ending.NO_ANSWER)
        self._notice(number)

    # ── telling ──────────────────────────────────────────────────────────────────────────

    def _fail_dial(self, ending: Ending) -> None:
        peer = None if self._dial is None else self._dial.peer.identity
        self._dial = None
        self._tell(Event(State.IDLE, peer, ending))

    def _end(self, ending: Ending, number: int) -> None:
        if self.call is not None:
            self.call.end(ending)
            self._notice(number)

    def _notice(self, number: int) -> None:
        """Tell how things stand, if that has changed.

        Cells come back some rounds after they were said; the newest round of both is now.
        """
        self._newest = number = max(self._newest, number)
        if self.call is not None and self.call.over:
            over, self.call = self.call, None
            self._wipe_unused([over])
            self._tell(Event(State.IDLE, over.peer, over.ending))
        self._tell(self._read(number))

    def _read(self, number: int) -> Event:
        call = self.call
        if call is None:
            if self._dial is not None:
                return Event(State.DIALING, self._dial.peer.identity)
            return Event(State.IDLE)
        if not call.accepted:
            return Event(State.RINGING if call.caller else State.INCOMING, call.peer)
        if call.quiet(number):
            return Event(State.RECONNECTING, call.peer)
        return Event(State.TALKING if call.talking else State.CONNECTING, call.peer)

    def _tell(self, event: Event) -> None:
        if event.state != self._told.state or event.ending is not None:
            self._told = event
            self.events.append(event)
