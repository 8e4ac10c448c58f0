"""The section [messaging]: how texts are grouped, limited, repeated and held back."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from academyctl.settings_model import Positive, Seconds, Section, setting


class Messaging(Section):
    visibility_s: Positive = setting(60, "ACADEMYCTL_MESSAGING_VISIBILITY", description="renewed while a text waits")
    lease_s: Annotated[int, Field(ge=10)] = setting(
        60, "ACADEMYCTL_MESSAGING_LEASE", description="of a delivery's row; longer than a request may take"
    )
    group_size: Annotated[int, Field(ge=1, le=10_000)] = setting(
        100, "MESSAGING_GROUP_SIZE", description="texts in one request to Solapi at most"
    )
    buffer: Annotated[int, Field(ge=10, le=20_000)] = setting(
        6000, "MESSAGING_BUFFER", description="texts held ahead at most: among these academies take turns"
    )
    rate: Annotated[int, Field(ge=0)] = setting(
        0, "MESSAGING_RATE_PER_SECOND", description="texts a second of one worker; 0 = no limit"
    )
    request_s: Annotated[int, Field(ge=1, le=60)] = setting(
        15, "MESSAGING_REQUEST_SECONDS", description="longest wait for Solapi's answer"
    )
    resend_after_s: Seconds = setting(
        960, "MESSAGING_RESEND_AFTER_SECONDS",
        description="before a broken-off request is repeated; Solapi refuses one that was signed 900 s ago",
    )  # fmt: skip
    unknown_after_s: Seconds = setting(
        3600, "MESSAGING_UNKNOWN_AFTER_SECONDS", description="Solapi's list out of reach so long: a person decides"
    )
    duplicate_window_s: Seconds = setting(
        0, "MESSAGING_DUPLICATE_WINDOW_SECONDS", description="the same text to the same phone once in it; 0 = off"
    )
    credit_wait_s: Seconds = setting(
        1800, "MESSAGING_CREDIT_WAIT_SECONDS", description="a text waits so long for credit, then it is a dead letter"
    )
    require_active: bool = setting(
        True, "MESSAGING_REQUIRE_ACTIVE", description="send for academies with messaging_is_active only"
    )
    unencodable: Literal["replace", "refuse"] = setting(
        "replace", "MESSAGING_UNENCODABLE", description="emoji and signs that SMS cannot carry; letters are refused"
    )
    quiet_hours: str = setting(
        "", "MESSAGING_QUIET_HOURS", description="as *=21:00-08:00,CODE=off (KST); texts wait until their end"
    )
