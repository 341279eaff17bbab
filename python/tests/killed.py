"""Work in a process of its own that is killed before one of the calls by which it asks the system."""

import multiprocessing
import os
import signal


def is_killed_before(call, names, work, *args):
    """Whether the process was killed before the call of this number, from 0 on, of those of `os` that are named; of a write half is done."""
    process = multiprocessing.get_context("fork").Process(target=_run, args=(call, names, work, args))
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode != 0


def _run(call, names, work, args):
    count = 0

    def counted(name, before):
        def ask(*args, **kwargs):
            nonlocal count
            count += 1
            if count > call:
                if name == "write":
                    before(args[0], bytes(args[1])[: len(args[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return before(*args, **kwargs)

        return ask

    for name in names:
        setattr(os, name, counted(name, getattr(os, name)))
    work(*args)
