"""Being punctual on a busy machine: as much priority as the system gives.

What a process does late, others see as filler. Where it may (root, CAP_SYS_NICE, an rtprio
limit), a process of the zone asks for the lowest real-time priority: it works a few per
cent of the time and sleeps the rest, so little else waits for it, and the kernel's own throttle
keeps a runaway from taking the machine. Everywhere else nothing changes.

Source: sched(7).

Must not know: what the process does.
"""

import os


def ask_for_priority() -> bool:
    """Ask for the lowest real-time priority; whether it was given.

    All parts ask for the same: were a gateway above the clients of its machine, it would keep
    them from sending just when they have to (measured: ten times the late cells).
    """
    if not hasattr(os, "sched_setscheduler"):
        return False
    try:
        # Not for children: whatever they are, they have not asked.
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except OSError:
        return False
    return True


def share_priority() -> bool:
    """Ask for this thread what the program's first thread has; whether there was anything.

    A thread inherits nothing (`ask_for_priority`), and one that serves a sound card has less time
    than any other.
    """
    if not hasattr(os, "sched_getscheduler"):
        return False
    policy = os.sched_getscheduler(os.getpid())
    return policy & ~os.SCHED_RESET_ON_FORK == os.SCHED_RR and ask_for_priority()
