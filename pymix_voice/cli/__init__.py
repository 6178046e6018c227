"""The command `pymix-voice`: what a person types, and what they are told."""

import os
import sys
import traceback
from collections.abc import Mapping, Sequence

from cyclopts import App, CycloptsError

from pymix_voice import __version__
from pymix_voice.errors import Misuse, PymixError

DONE, FIXABLE, USAGE, OUR_BUG, INTERRUPTED = 0, 1, 2, 70, 130

HELP = """\
Anonymous voice calls over a chain of mixes.

Try it on one computer: `pymix-voice demo`. Or by hand, each line in a terminal of its own:

    pymix-voice zone new myzone
    pymix-voice mix --port 7101 --zone myzone        (and 7102, 7103)
    pymix-voice gateway --port 7000 --zone myzone
    pymix-voice listen --zone myzone --profile bob --auto-answer --output heard.wav
    pymix-voice call ADDRESS --zone myzone --profile alice --input speech.wav

Who has the zone file in ./zone.toml, or its place in $PYMIX_VOICE_ZONE, needs no --zone.
Research code: do not trust it with your safety.
"""


COMMANDS: Mapping[str, tuple[str, str]] = {
    "mix": ("serving:mix", "Run a mix of the chain."),
    "gateway": ("serving:gateway", "Run a gateway, where clients connect."),
    "listen": ("calling:listen", "Be online, and answer calls."),
    "call": ("calling:call", "Call somebody."),
    "phone": ("calling:phone", "Stay online: wait for calls, dial, hang up, dial again."),
    "echo": ("calling:echo", "Run an echo test for others, or yourself, to call."),
    "devices": ("devices:list_devices", "List microphones and loudspeakers, and try them."),
    "me": ("people:ME", "Print your address; change your name or your address."),
    "demo": ("trying:demo", "A whole zone and a call on this computer."),
    "simulate": ("simulating:simulate", "Random zones in virtual time, and rules that must hold."),
    "audit": ("auditing:audit", "Attack the project itself, and say what can be found out."),
    "geometry": ("zones:geometry", "Print the sizes and times of a zone."),
    "doctor": ("trying:doctor", "Say what is installed and what is missing."),
}
"""Each command's place below `pymix_voice.cli`, and what it does."""

GROUPS: Mapping[str, tuple[str, Mapping[str, tuple[str, str]]]] = {
    "zone": (
        "Make or check a zone: one chain of mixes and its gateways.",
        {
            "new": ("zones:new", "Make a zone file and all its keys."),
            "key": ("zones:key", "Make one operator's key file."),
            "check": ("zones:check", "Read a zone file, say what is in it."),
        },
    ),
    "contacts": (
        "People whom you call by name, and know when they call.",
        {
            "add": ("people:add", "Add a contact, or give one their new address."),
            "list": ("people:listed", "Name your contacts, and say whom you verified."),
            "remove": ("people:remove", "Remove a contact."),
            "rename": ("people:rename", "Give a contact another name."),
            "verify": ("people:verify", "Mark a contact as verified."),
        },
    ),
    "bench": (
        "Measure how well it works on this computer.",
        {
            "idle": ("benching:idle", "Show that an idle client sends when a talking one does."),
            "latency": ("showing:latency", "Mouth-to-ear delay, part by part, and beside others."),
            "cost": ("showing:cost", "Bytes, processor and memory, as a zone grows."),
            "tour": ("showing:tour", "A little of everything, and a page about it."),
            "playout": ("benching:playout", "What jitter and loss do to delay and sound."),
            "quality": ("hearing:quality", "How good calls sound: PESQ, STOI and the E-model."),
            "redundancy": ("benching:redundancy", "Speech quality at 0 to 20 % loss."),
            "echo": ("benching:echo", "How much of an echo is taken away."),
            "faults": (
                "breaking:faults",
                "What a call hears when parts die, stall or are flooded.",
            ),
            "throughput": ("benching:throughput", "How many clients a mix or gateway carries."),
        },
    ),
}
"""Commands of several words."""


def make_app(words: Sequence[str] = ()) -> App:
    """All commands; each is imported only when it is used (a mix needs no codec).

    Args:
        words: what was typed; the command that they name tells all its help, others a line.
    """
    app = App(
        name="pymix-voice", help=HELP, help_format="plaintext", version=f"pymix-voice {__version__}"
    )
    for group, (text, commands) in GROUPS.items():
        inner = App(name=group, help=text)
        _register(inner, commands, words[1:] if words[:1] == [group] else ())
        app.command(inner)
    _register(app, COMMANDS, words)
    app.register_install_completion_command()
    return app


def _register(app: App, commands: Mapping[str, tuple[str, str]], words: Sequence[str]) -> None:
    for name, (place, text) in commands.items():
        named = bool(words) and words[0] == name
        app.command(f"pymix_voice.cli.{place}", name=name, help=None if named else text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: the words after the program's name; None for those of this process.

    Returns:
        The exit code: 0 done, 1 you can fix it, 2 usage, 70 our bug, 130 interrupted.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        result = make_app(words)(
            words, exit_on_error=False, print_error=False, result_action="return_value"
        )
    except CycloptsError as error:
        from pymix_voice.zone.address import hide_addresses

        text = hide_addresses(" ".join(str(error).split()))  # it may quote what was typed
        _say(f"{text} (`pymix-voice {_shown(words)}--help` tells more)")
        return USAGE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our lines has gone, as `head` does: nothing more goes there, also at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Misuse:
        traceback.print_exc()
        return OUR_BUG
    except PymixError as error:
        _say(str(error))
        return FIXABLE
    except Exception:
        # The outermost border: whatever arrives here is our bug, and must not look like code 1.
        traceback.print_exc()
        return OUR_BUG
    return result if isinstance(result, int) else DONE


def _shown(words: Sequence[str]) -> str:
    """The command's name, if that is what the first word is."""
    name = words[0] if words else ""
    return f"{name} " if name in {*COMMANDS, *GROUPS} else ""


def _say(sentence: str) -> None:
    print(f"pymix-voice: {sentence}", file=sys.stderr)
