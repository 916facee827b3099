"""Supervisor and watchdog, with real programs and real kills."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

from app.devstack.folders import CHECKOUT
from app.devstack.supervisor import Supervisor
from app.devstack.watchdog import birth_of, is_running

WaitUntil = Callable[[Callable[[], bool], str], None]


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script]


def runs(pid: int) -> bool:
    return birth_of(pid) is not None


def test_a_child_runs_with_its_output_in_its_log(supervisor: Supervisor, tmp_path: Path) -> None:
    child = supervisor.run(
        "greeter", shell("echo hello; echo trouble >&2; exit 3"), log=tmp_path / "logs" / "greeter.log"
    )

    assert child.exit_code() == 3
    assert child.output() == "hello\ntrouble\n"
    assert child.last_words() == "trouble"


def test_output_begins_where_this_child_began(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.run("first", shell("echo before"), log=tmp_path / "log")
    child = supervisor.run("second", shell("echo after"), log=tmp_path / "log")

    assert child.output() == "after\n"
    assert (tmp_path / "log").read_text() == "before\nafter\n"


def test_a_long_log_is_put_aside(supervisor: Supervisor, tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 5_000_001)

    child = supervisor.run("writer", shell("echo new"), log=log)

    assert log.read_text() == child.output() == "new\n"
    assert (tmp_path / "log.1").stat().st_size == 5_000_001


def test_a_program_that_is_not_there_ends_with_127_and_says_so(supervisor: Supervisor, tmp_path: Path) -> None:
    child = supervisor.run("nothing", [tmp_path / "no such program"], log=tmp_path / "log")

    assert child.exit_code() == 127
    assert "no such program" in child.last_words()


def test_words_reach_the_program_as_they_are(supervisor: Supervisor, tmp_path: Path) -> None:
    words = ["two words", "", "$HOME", "`id`", "a'b", 'c"d', "*"]
    program = "import json, sys; print(json.dumps(sys.argv[1:]))"

    child = supervisor.run("echo", [sys.executable, "-c", program, *words], log=tmp_path / "log")

    assert child.output() == '["two words", "", "$HOME", "`id`", "a\'b", "c\\"d", "*"]\n'


def test_children_are_stopped_newest_first(tmp_path: Path, wait_until: WaitUntil) -> None:
    said = tmp_path / "said"
    said.touch()
    with Supervisor() as supervisor:
        for name in ("database", "cache", "api"):
            script = f"trap 'echo {name} >> {said}; exit' TERM; echo ready; while :; do sleep 0.01; done"
            child = supervisor.spawn(name, shell(script), log=tmp_path / name)
            wait_until(lambda child=child: "ready" in child.output(), f"{name} is ready")

    assert said.read_text().split() == ["api", "cache", "database"]


def test_a_child_that_does_not_listen_is_killed(supervisor: Supervisor, tmp_path: Path, wait_until: WaitUntil) -> None:
    script = "trap '' TERM; echo ready; while :; do sleep 0.01; done"
    child = supervisor.spawn("deaf", shell(script), log=tmp_path / "log", stop_seconds=0.1)
    wait_until(lambda: "ready" in child.output(), "it ignores SIGTERM")

    supervisor.stop(child)

    assert child.exit_code() == -signal.SIGKILL


def test_what_a_child_started_ends_with_it(supervisor: Supervisor, tmp_path: Path, wait_until: WaitUntil) -> None:
    child = supervisor.spawn("parent", shell("sleep 1000 & echo $!; wait"), log=tmp_path / "log")
    wait_until(lambda: child.output().endswith("\n"), "the grandchild runs")
    grandchild = int(child.output())
    assert runs(grandchild)

    child.send(signal.SIGKILL)
    child.wait()

    wait_until(lambda: not runs(grandchild), "the grandchild is gone")


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    supervisor = Supervisor()
    supervisor.spawn("sleeper", ["sleep", "1000"], log=tmp_path / "log")

    supervisor.close()
    supervisor.close()

    assert not supervisor.is_guarded


LAUNCHER = textwrap.dedent(
    """
    import os, signal, sys, time
    from pathlib import Path
    from app.devstack import supervisor as module
    from app.devstack.supervisor import Supervisor
    folder = Path(sys.argv[1])
    supervisor = Supervisor()
    supervisor.remove_at_end(folder / "doomed")
    def start(name, script):
        return supervisor.spawn(name, ["/bin/sh", "-c", script], log=folder / name)
    """
)


def start_launcher(folder: Path, rest: str) -> subprocess.Popen[str]:
    (folder / "doomed").mkdir()
    return subprocess.Popen(
        [sys.executable, "-c", LAUNCHER + textwrap.dedent(rest), str(folder)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_kill_9_of_the_launcher_leaves_nothing_behind(tmp_path: Path, wait_until: WaitUntil) -> None:
    deaf = """
        deaf = "trap '' TERM; echo deaf; sleep 1000 & while :; do sleep 0.05; done"
        children = [start("one", deaf), start("two", deaf)]
        while not all(child.output() for child in children):
            time.sleep(0.01)
        print(*[child.pid for child in children], flush=True)
        time.sleep(1000)
    """
    with start_launcher(tmp_path, deaf) as launcher:
        pids = [int(word) for word in launcher.stdout.readline().split()]
        assert [runs(pid) for pid in pids] == [True, True]

        launcher.kill()

    wait_until(lambda: not any(map(runs, pids)), "both children are gone although they ignore SIGTERM")
    wait_until(lambda: not (tmp_path / "doomed").exists(), "the folder is removed")


def test_a_child_that_forks_without_exec_does_not_hide_the_launchers_death(
    tmp_path: Path, wait_until: WaitUntil
) -> None:
    # The fork inherits the pipe to the watchdog, which therefore never sees its end.
    fork = """
        child = start("one", "sleep 1000")
        forked = os.fork()
        if forked == 0:
            os.close(1)
            time.sleep(1000)
        print(forked, child.pid, flush=True)
        time.sleep(1000)
    """
    with start_launcher(tmp_path, fork) as launcher:
        forked, pid = [int(word) for word in launcher.stdout.readline().split()]
        launcher.kill()

    wait_until(lambda: not runs(pid), "the child is gone")
    assert runs(forked), "vacuous: the fork ended, and with it the pipe"
    os.kill(forked, signal.SIGKILL)


def test_kill_9_before_the_watchdog_knows_of_a_child_means_that_it_never_runs(
    tmp_path: Path, wait_until: WaitUntil
) -> None:
    # The worst moment: the child exists, and its number was not told to anybody.
    killed_between = """
        def die(self, *words):
            print(words[1], flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        Supervisor._tell = die
        start("late", "echo it runs; sleep 1000")
    """
    with start_launcher(tmp_path, killed_between) as launcher:
        pid = int(launcher.stdout.readline())

    assert launcher.returncode == -signal.SIGKILL
    wait_until(lambda: not runs(pid), "the child is gone")
    assert (tmp_path / "late").read_text() == ""


def is_locked(path: Path) -> bool:
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_a_lock_is_held_until_the_last_child_is_gone(tmp_path: Path, wait_until: WaitUntil) -> None:
    program = """
        import fcntl
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT)
        fcntl.flock(lock, fcntl.LOCK_EX)
        supervisor = Supervisor(held_files=(lock,))
        child = start("slow", "trap 'sleep 1; exit' TERM; echo ready; while :; do sleep 0.05; done")
        while not child.output():
            time.sleep(0.01)
        print(child.pid, flush=True)
        time.sleep(1000)
    """
    with start_launcher(tmp_path, program) as launcher:
        pid = int(launcher.stdout.readline())
        launcher.kill()
        launcher.wait()
        held = is_locked(tmp_path / "lock")
        assert runs(pid), "vacuous: the child is gone already"

    assert held
    wait_until(lambda: not is_locked(tmp_path / "lock"), "the lock is free")
    assert not runs(pid)


def test_a_number_that_was_used_again_is_not_taken_for_the_old_process() -> None:
    mine = birth_of(os.getpid())
    assert mine is not None

    assert is_running(os.getpid(), mine)
    assert not is_running(os.getpid(), str(int(mine) - 1))
    assert not is_running(os.getpid(), None)


def test_a_process_that_only_waits_to_be_buried_does_not_run() -> None:
    with subprocess.Popen(["true"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)

        assert birth_of(ended.pid) is None
