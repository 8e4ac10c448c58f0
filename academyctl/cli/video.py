"""`academyctl video`: look at videos, follow and repeat their encodes, check and play what is published."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from academyctl.cli._common import OutputOption, session
from academyctl.errors import EXIT_CANNOT_TELL, EXIT_FAILED, EXIT_OK
from academyctl.output import Format

app = typer.Typer(help="Look at videos, encode them again, verify and play what is published.", no_args_is_help=True)

# A bigint: a larger number would be an error of the database instead of a sentence.
MAX_ID = 2**63 - 1
Ids = Annotated[list[int], typer.Argument(min=1, max=MAX_ID, metavar="ID...", help="Video ids.")]
Id = Annotated[int, typer.Argument(min=1, max=MAX_ID, metavar="ID", help="Video id.")]
Force = Annotated[bool, typer.Option("--force", help="Do it although the state speaks against it.")]
Apply = Annotated[bool, typer.Option("--apply", help="Do it; without this the changes are only shown.")]


@app.command()
def status(ctx: typer.Context, ids: Ids, fmt: OutputOption = Format.table) -> None:
    """Show row, lease, lock, worker, objects.

    Each video ends with one line that says what its state means and what to do.
    """
    from academyctl import output
    from academyctl.video_state import gather
    from academyctl.video_status import as_json, as_text, failed

    here = session(ctx)
    found = gather(here.stores(), ids)
    output.emit(as_json(found, here.lang), fmt=fmt, table=lambda: as_text(found, here.lang))
    if fmt == Format.table:
        for error in found.away.values():
            output.fail(error)
    raise typer.Exit(EXIT_CANNOT_TELL if found.away else EXIT_FAILED if failed(found) else EXIT_OK)


@app.command()
def stuck(
    ctx: typer.Context,
    ids: Annotated[
        list[int] | None,
        typer.Argument(min=1, max=MAX_ID, metavar="[ID]...", help="Video ids; without any, they are found."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and say what changes, until all is well.")] = False,
    every: Annotated[float, typer.Option("--every", min=0.1, max=3600, help="Seconds between two looks.")] = 3.0,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="Look at so many that are found.")] = 50,
    fmt: OutputOption = Format.table,
) -> None:
    """Say why videos do not move.

    The cause, the evidence and the next command of each. Changes nothing. Exit code 1 when one is stuck, 3 when that
    cannot be told.
    """
    from academyctl.cli._video_stuck import run

    raise typer.Exit(run(session(ctx), ids or (), limit=limit, follow=watch, every_s=every, fmt=fmt))


@app.command()
def progress(
    ctx: typer.Context,
    video_id: Id,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it until READY or FAILED.")] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0, help="Give up watching after so many seconds (exit code 3).")
    ] = None,
    fmt: OutputOption = Format.table,
) -> None:
    """Show how far an encode is.

    Exit code 1 when the video is FAILED.
    """
    from academyctl import output, video_report
    from academyctl.errors import CannotTell
    from academyctl.video_follow import End, follow, read
    from academyctl.video_plans import followable

    here = session(ctx)
    stores = here.stores()
    row = followable(stores.videos.row(video_id), video_id, watch=watch)
    if not watch:
        now = read(stores, row.tenant_id, video_id, row=row)
    elif fmt == Format.table:
        end, now = video_report.watch(stores, row.tenant_id, video_id, timeout_s=timeout, lang=here.lang)
    else:
        end, now = follow(stores, row.tenant_id, video_id, on_update=lambda _now: None, timeout_s=timeout)
    if watch and end is End.STOPPED:
        raise CannotTell(f"video {video_id} is {now.status}")
    output.emit(video_report.progress_json(video_id, now), fmt=fmt, table=lambda: video_report.line(now, here.lang))
    if now.status == "FAILED":
        raise typer.Exit(EXIT_FAILED)
    if now.unknown and not watch:
        raise typer.Exit(EXIT_CANNOT_TELL)


@app.command()
def enqueue(ctx: typer.Context, ids: Ids, force: Force = False, fmt: OutputOption = Format.table) -> None:
    """Send the encode message of UPLOADED videos.

    Exactly as the platform's API does. Refused while somebody works on the video or its lock is held.
    """
    from academyctl.cli._video_changes import change
    from academyctl.video_plans import plan_enqueue

    here = session(ctx)
    queue = here.loaded.settings.queues.video
    change(here, ids, lambda video, now: plan_enqueue(video, queue=queue, now=now, force=force), fmt=fmt)


@app.command()
def retry(ctx: typer.Context, ids: Ids, force: Force = False, fmt: OutputOption = Format.table) -> None:
    """Encode again, by the API's rules for retry.

    Clears what an earlier run left in Redis; asks a run that lives to stop. READY needs --force.
    """
    from academyctl.cli._video_changes import change
    from academyctl.video_plans import plan_retry

    here = session(ctx)
    queue = here.loaded.settings.queues.video
    change(here, ids, lambda video, now: plan_retry(video, queue=queue, now=now, force=force), fmt=fmt, confirm=True)


@app.command()
def unlock(
    ctx: typer.Context, ids: Ids, apply: Apply = False, force: Force = False, fmt: OutputOption = Format.table
) -> None:
    """Delete a dead worker's lock and lease.

    Shows them first; does it with --apply. Refused while their owner still beats.
    """
    from academyctl.cli._video_changes import change
    from academyctl.video_plans import plan_unlock

    change(
        session(ctx),
        ids,
        lambda video, now: plan_unlock(video, now=now, force=force),
        fmt=fmt,
        apply=apply,
        confirm=True,
        undo=True,
    )


@app.command()
def verify(
    ctx: typer.Context,
    ids: Ids,
    decode: Annotated[bool, typer.Option("--decode", help="Also decode every rendition to its end.")] = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Check the published objects.

    Master, playlists, segments, lengths, content types and cache rules; orphans are listed.
    """
    from academyctl import output
    from academyctl.video_report import verify_json, verify_rows, verify_text, verify_video

    here = session(ctx)
    stores = here.stores()
    reports = [verify_video(stores, video_id, decode=decode) for video_id in ids]
    if fmt == Format.json:
        output.emit({"version": 1, "videos": [verify_json(report) for report in reports]}, fmt=fmt)
    else:
        for report in reports:
            if report.renditions:
                output.emit({}, table=partial(verify_rows, report))
            output.emit({}, table=partial(verify_text, report, here.lang))
    if not all(report.ok for report in reports):
        raise typer.Exit(EXIT_FAILED)


@app.command()
def play(
    ctx: typer.Context,
    video_id: Id,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 = any free one.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the address.")] = False,
) -> None:
    """Play a video in the browser.

    Serves the published HLS on 127.0.0.1 in a page with hls.js, until ^C.
    """
    from academyctl.cli._video_play import serve

    here = session(ctx)
    serve(here.stores(), video_id, port=port, browser=not no_browser, lang=here.lang)


@app.command("purge-raw")
def purge_raw(
    ctx: typer.Context,
    older_than: Annotated[
        int | None, typer.Option("--older-than", min=0, metavar="DAYS", help="Default: VIDEO_RAW_RETENTION_DAYS.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 1000,
    apply: Apply = False,
    fmt: OutputOption = Format.table,
) -> None:
    """Delete uploads of finished videos.

    Of videos that have been READY long enough; they cannot be encoded again afterwards. Lists them without --apply.
    """
    from academyctl.cli._video_purge import purge

    here = session(ctx)
    days = here.loaded.settings.video.raw_retention_days if older_than is None else older_than
    purge(here, days, limit, apply=apply, fmt=fmt)
