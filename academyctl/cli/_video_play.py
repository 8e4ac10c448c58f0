"""`academyctl video play`: the server until ^C, and what the page's player complains about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from academyctl.errors import Both

if TYPE_CHECKING:
    from academyctl.stores import Stores


def serve(stores: Stores, video_id: int, *, port: int, browser: bool, lang: str) -> None:
    """Serve until ^C, the normal end. Raises Refused when nothing is published, UsageError for a taken port."""
    from academyctl import output
    from academyctl.contract import keys
    from academyctl.errors import UsageError
    from academyctl.play.server import PlayServer, Published
    from academyctl.video_plans import Refused, present
    from academyctl.video_state import Video

    row = present(Video(video_id, stores.videos.row(video_id)))
    bucket = stores.settings.r2.video_bucket
    master = keys.hls_master(row.tenant_id, row.id)
    if stores.r2.head(bucket, master) is None:
        see = f"academyctl video status {row.id}"
        raise Refused(
            f"video {row.id} cannot be played: {master} is not in R2",
            why=f"the row says {row.status}",
            remedy=Both(f"see: {see}", f"확인: {see}"),
        )
    facts = f"video {row.id}, tenant {row.tenant_code}, {row.status}, {row.duration or '?'} s, {bucket}/{master}"
    published = Published(bucket, keys.hls_folder(row.tenant_id, row.id), row.title, facts)
    try:
        server = PlayServer(stores.r2, published, port=port)
    except OSError as error:
        raise UsageError(
            f"port {port} cannot be used",
            why=str(error),
            remedy=Both("choose another --port, or none", "--port를 다른 값으로 하거나 생략하세요"),
        ) from error
    server.player.on_report = _complaints()
    output.note(Both(f"playing at {server.url} (end: ^C)", f"재생 주소 {server.url} (종료: Ctrl-C)").pick(lang))
    if browser:
        import webbrowser

        webbrowser.open(server.url)
    try:
        server.serve()
    except KeyboardInterrupt:
        output.note(Both("stopped", "종료했습니다").pick(lang))
    finally:
        server.close()


def _complaints() -> Any:
    """Print each error of the page once."""
    from academyctl import output

    told: set[str] = set()

    def report(state: dict[str, Any]) -> None:
        for word, name in (("FAIL", "errors"), ("warn", "warnings")):
            found = state.get(name)
            for text in found if isinstance(found, list) else ():
                line = f"{word}  {str(text)[:300]}"
                if line not in told and len(told) < 100:
                    told.add(line)
                    output.note(line)

    return report
