"""`python -m academyctl.local.emulator`: ministack in this process, with our additions."""

from __future__ import annotations

from academyctl.local.emulator import activities, autoscaling, batch, ec2, functions, logs, refresh, scaling, sqs


def main() -> None:
    """Serve until stopped."""
    activities.install()
    autoscaling.install()
    batch.install()
    ec2.install()
    functions.install()
    logs.install()
    refresh.install()
    scaling.install()
    sqs.install()
    from ministack import app

    app.main()


if __name__ == "__main__":
    main()
