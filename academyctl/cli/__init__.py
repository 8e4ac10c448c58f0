"""The command line: one file per word. This table is all that `academyctl --help` needs, so it imports nothing."""

from __future__ import annotations

PROGRAM = "academyctl"
COMPLETE = "_ACADEMYCTL_COMPLETE"
"""Set by the shell's completion script; the program is then run without words."""

# Word -> (module, what `academyctl --help` says). A new word is one line here and one module with a typer `app`.
WORDS: dict[str, tuple[str, str]] = {
    "local": ("academyctl.cli.local", "Run the embedded stack: PostgreSQL, Redis, AWS, Solapi."),
    "config": ("academyctl.cli.config", "Show, check and create settings."),
    "worker": ("academyctl.cli.worker", "Run workers and ask for their health."),
    "video": ("academyctl.cli.video", "Look at videos, encode them again, verify, play."),
    "excel": ("academyctl.cli.excel", "Class lists from spreadsheets: check, import."),
    "job": ("academyctl.cli.job", "AI and Excel jobs: look, follow, repeat, request."),
    "message": ("academyctl.cli.message", "Texts: preview, send, look, resolve, send back."),
    "credit": ("academyctl.cli.credit", "Message credit: balances, and every charge and refund."),
    "db": ("academyctl.cli.db", "academyctl's own tables: create them."),
    "queue": ("academyctl.cli.queue", "Queues: show, create, tune, send, purge; dead letters."),
    "host": ("academyctl.cli.host", "The machines that run the platform."),
    "asg": ("academyctl.cli.asg", "Auto Scaling groups: sizes, refresh, protection."),
    "scaling": ("academyctl.cli.scaling", "Scaling policies: show, plan, apply, roll back, simulate."),
    "lambda": ("academyctl.cli.lambda_", "Lambda functions: show, invoke, logs, deploy, env."),
    "rule": ("academyctl.cli.rule", "EventBridge rules: show, switch on and off."),
    "alarm": ("academyctl.cli.alarm", "CloudWatch alarms of the queues: list, apply."),
    "logs": ("academyctl.cli.logs", "CloudWatch logs: tail."),
    "ecr": ("academyctl.cli.ecr", "Container images: are they there."),
    "ssm": ("academyctl.cli.ssm", "The workers' environment in SSM: show, put, diff."),
    "batch": ("academyctl.cli.batch", "AWS Batch: jobs, submit, cancel, reconcile."),
    "fix": ("academyctl.cli.fix", "Mend what a diagnosis found: plan, apply, undo."),
    "diagnose": ("academyctl.cli.diagnose", "Find what is wrong, and whose fault it is."),
    "playbook": ("academyctl.cli.playbook", "Guides that run: step by step to the cause, and what to do then."),
    "demo": ("academyctl.cli.demo", "Encode a lecture on the embedded stack, end to end."),
    "completion": ("academyctl.cli.completion", "Completion for bash, zsh, fish, PowerShell."),
}

ABOUT = "One command for the people who keep an online academy running."
OPTIONS: dict[str, tuple[str, str]] = {
    "profile": ("--profile NAME", "Settings profile; `local` is the embedded stack."),
    "config": ("--config FILE", "Settings file (default: ./academyctl.toml)."),
    "yes": ("-y, --yes", "Answer yes to every question."),
    "lang": ("--lang ko|en", "Language (default: from the locale)."),
    "fmt": ("-o, --output FORMAT", "table or json, for the command that follows."),
    "version": ("--version", "Print the version and exit."),
    "help": ("-h, --help", "Show this message and exit."),
}
"""Parameter -> (how it is written, what it does); at most 80 columns, for nothing wraps them."""


def help_text() -> str:
    """What `academyctl --help` prints, whichever way it is asked."""
    return (
        f"Usage: {PROGRAM} [OPTIONS] COMMAND [ARGS]...\n\n  {ABOUT}\n\n"
        f"Options:\n{_aligned(list(OPTIONS.values()))}\n"
        f"Commands:\n{_aligned([(word, text) for word, (_, text) in WORDS.items()])}\n"
        "Exit codes: 0 fine, 1 a check or the work failed, 2 usage or settings, 3 could\n"
        "not tell, 4 warnings (with --fail-on warn), 70 a bug, 130 interrupted.\n"
    )


def _aligned(pairs: list[tuple[str, str]]) -> str:
    width = max(len(left) for left, _ in pairs)
    return "".join(f"  {left:<{width}}  {right}\n" for left, right in pairs)
