"""Where a worker can die between the receipt of a handful of texts (see Corner.handful) and their deletion."""

from __future__ import annotations

from tests.faults.messaging.crew import Point

CLAIM = b"INSERT INTO academyctl_message_delivery"
SENDING = b"state = 'SENDING'"
FINISH = b"AS e(key text"
INSTEAD = b"state = 'CLAIMED', fallback = coalesce"
COMMIT = b"COMMIT"
REQUEST = b"POST /messages/v4/send-many"
BODY = b"academyctlKey"
LIST = b"GET /messages/v4/list"
DELETE = b"DeleteMessageBatch"

TEXTS, SENT, SENT_AT_ONCE = 7, 6, 5
"""Of the handful: one SMS is refused, and so is one Alimtalk, which goes as an SMS in a second request."""
ALL_CLAIMED = {"CLAIMED": TEXTS}
ALL_SENDING = {"SENDING": TEXTS}
FIRST_ENDED = {"SENT": SENT_AT_ONCE, "FAILED": 1, "SENDING": 1}
FALLING_BACK = {"SENT": SENT_AT_ONCE, "FAILED": 1, "CLAIMED": 1}
ALL_ENDED = {"SENT": SENT, "FAILED": 1}

POINTS = (
    Point("received, not looked up", "db", (b"FOR NO KEY UPDATE",), states={}),
    Point("claimed, not committed", "db", (CLAIM, COMMIT), states={}),
    Point("claim committed, not told", "db", (CLAIM, COMMIT), "answer", ALL_CLAIMED),
    Point("claimed, not yet sending", "db", (SENDING,), states=ALL_CLAIMED),
    Point("sending, not committed", "db", (SENDING, COMMIT), states=ALL_CLAIMED),
    Point("sending committed, not told", "db", (SENDING, COMMIT), "answer", ALL_SENDING),
    Point("request not arrived", "solapi", (REQUEST,), states=ALL_SENDING),
    Point("request arrived by half", "solapi", (REQUEST, BODY), states=ALL_SENDING),
    Point("accepted, not told", "solapi", (REQUEST, BODY), "answer", ALL_SENDING, accepted=SENT_AT_ONCE),
    Point("told, not yet finished", "db", (FINISH,), states=ALL_SENDING, accepted=SENT_AT_ONCE),
    Point("finished, not committed", "db", (FINISH, COMMIT), states=ALL_SENDING, accepted=SENT_AT_ONCE),
    Point("finish committed, not told", "db", (FINISH, COMMIT), "answer", FIRST_ENDED, accepted=SENT_AT_ONCE),
    Point("fallback claimed, not told", "db", (INSTEAD, COMMIT), "answer", FALLING_BACK, accepted=SENT_AT_ONCE),
    Point("fallback not arrived", "solapi", (REQUEST, REQUEST), states=FIRST_ENDED, accepted=SENT_AT_ONCE),
    Point("fallback accepted, not told", "solapi", (REQUEST, REQUEST, BODY), "answer", FIRST_ENDED, accepted=SENT),
    Point("fallback not committed", "db", (FINISH, FINISH, COMMIT), states=FIRST_ENDED, accepted=SENT),
    Point("all finished, not deleted", "sqs", (DELETE,), states=ALL_ENDED, accepted=SENT),
    Point("all deleted, not told", "sqs", (DELETE,), "answer", ALL_ENDED, accepted=SENT),
)
RECOVERIES = (
    Point("recovering, list not asked", "solapi", (LIST,), states=ALL_SENDING, accepted=SENT_AT_ONCE),
    Point("recovering, list not told", "solapi", (LIST,), "answer", ALL_SENDING, accepted=SENT_AT_ONCE),
    Point("recovering, not committed", "db", (FINISH, COMMIT), states=ALL_SENDING, accepted=SENT_AT_ONCE),
    Point("recovered, not deleted", "sqs", (DELETE,), accepted=SENT),
)
"""In the hands of the second worker, after the first has died at ACCEPTED."""
ACCEPTED = next(point for point in POINTS if point.name == "accepted, not told")
REOPEN = b"SET state = 'CLAIMED', fallback = false"
REDRIVES = (
    Point("sent again, not committed", "db", (REOPEN, COMMIT), states={"FAILED": 3}),
    Point("sent again, claim not told", "db", (REOPEN, COMMIT), "answer", {"CLAIMED": 3}),
    Point("sent again, finish not told", "db", (REOPEN, FINISH, COMMIT), "answer", {"SENT": 3}, accepted=3),
)
"""For three letters of an academy whose credit has been charged."""
HALVES = (
    Point("first half not arrived", "solapi", (REQUEST, REQUEST)),
    Point("a half accepted, not told", "solapi", (REQUEST, REQUEST, BODY), "answer"),
    Point("halved once more", "solapi", (REQUEST, REQUEST, REQUEST)),
)
"""For a group that Solapi refuses as a whole because of one text in it."""
