"""Lambda: a change of a function is made soon. It stays asynchronous, as on AWS, but for no half second each."""

from __future__ import annotations

_DELAY_S = 0.02


def install() -> None:
    """Shorten the time that ministack leaves between a change and its end."""
    from ministack.services import lambda_svc as service

    service._LAMBDA_STATE_TRANSITION_DELAY = _DELAY_S
