# SPDX-License-Identifier: MIT
"""Runs a command and leaves nothing of it: no process, no temporary file."""
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
GRACE = 3  # seconds for what is about to end when the command has ended


def children():
    """Returns the ids of this process's children, orphans of theirs included."""
    found = subprocess.run(["pgrep", "-P", str(os.getpid())],
                           stdout=subprocess.PIPE)
    return [int(pid) for pid in found.stdout.split()]


def reaped_all():
    """Reaps the children that have ended. Returns whether none is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return False
    except ChildProcessError:
        return True


def kill_all():
    """Kills the children, then the orphans that they leave, and so on."""
    while not reaped_all():
        for pid in children():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.01)


def contain(command, log, folder, seconds):
    """Runs a command that has `folder` for its temporary files. Exits as it does,
    but with 1 if it leaves processes behind, and with 124 if it takes too long.
    """
    def stop(code, *_):
        kill_all()
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(code)

    def too_long(*_):
        os.write(log, b"\nnot done in %d s\n" % seconds)
        stop(124)

    if sys.platform == "linux":
        prctl = ctypes.CDLL(None).prctl
        prctl(PR_SET_CHILD_SUBREAPER, 1)  # orphans become its children
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    for number in signal.SIGINT, signal.SIGTERM:
        signal.signal(number, stop)
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                             stderr=log, start_new_session=True)
    pid = 0
    while pid != child.pid:
        pid, status = os.wait()
    signal.alarm(0)
    code = os.waitstatus_to_exitcode(status)
    code = 128 - code if code < 0 else code
    deadline = time.monotonic() + GRACE
    while not reaped_all():
        if time.monotonic() > deadline:
            os.write(log, b"\nleft behind: " + subprocess.check_output(
                ["ps", "-o", "args=", "-p", ",".join(map(str, children()))]))
            stop(code or 1)
        time.sleep(0.01)
    stop(code)
