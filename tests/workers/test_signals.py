"""How signals reach the thread that waits for them."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from workers._signals import Inbox, Signalled, signals_into


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.timeout(20)
def test_a_signal_that_the_system_hands_to_another_thread_ends_the_wait_all_the_same() -> None:
    inbox = Inbox()
    ready = threading.Event()

    def other() -> None:
        ready.wait()
        # As the kernel chooses where the main thread cannot take it: just after a SIGCONT, for one.
        signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    thread = threading.Thread(target=other)
    thread.start()
    with signals_into(inbox, end_now=lambda _code: None):
        threading.Timer(0.1, ready.set).start()
        assert inbox.get() == Signalled("SIGTERM")
    thread.join()
