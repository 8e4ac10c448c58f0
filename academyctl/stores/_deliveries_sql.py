"""The statements about deliveries. Each works on a whole group at once; all times are the database's clock's.

`clock_timestamp()`, not `now()`: a transaction may have waited for a lock, and a lease must not have begun before.
"""

from __future__ import annotations

COLUMNS = """
key, tenant_id, message_id, state, mode, kind, recipient, sender, text_bytes, text_sha256, content_sha256, template_id,
price_cents, billed, billing, attempt, fallback, token, lease_until, sending_at, solapi_message_id, solapi_group_id,
reason, evidence, made_at, created_at, updated_at, finished_at,
coalesce(lease_until > clock_timestamp(), false) AS leased,
extract(epoch FROM clock_timestamp() - sending_at)::float AS sending_age_s
"""
_TABLE = "academyctl_message_delivery"

# A stranger's transaction (an import, a person in psql) may hold an academy's row for long. And ours must not: where
# this process is frozen half-way (a paused container, a suspended machine), the server ends its transaction.
PATIENCE = """
SELECT set_config('lock_timeout', '20s', true), set_config('idle_in_transaction_session_timeout', '30s', true)
"""
# Alone, and the account read after it: of a statement that waits for a lock only the locked table's rows are read anew.
LOCK_TENANTS = "SELECT id FROM core_tenant WHERE id = ANY(%s::bigint[]) ORDER BY id FOR NO KEY UPDATE"
TENANTS = """
SELECT t.id, t.code, t.credit_balance::bigint AS balance, (t.messaging_base_price * 100)::bigint AS price_cents,
       t.messaging_sender AS sender, t.kakao_pfid AS pf_id, t.is_active AS active,
       t.messaging_is_active AS messaging_active, coalesce(a.owed_cents, 0) AS owed_cents, coalesce(a.paid, 0) AS paid
FROM core_tenant t LEFT JOIN academyctl_credit_account a ON a.tenant_id = t.id WHERE t.id = ANY(%s::bigint[])
"""

KNOWN = f"SELECT {COLUMNS} FROM {_TABLE} WHERE key = ANY(%s::text[]) ORDER BY key"  # noqa: S608 - ours
KNOWN_LOCKED = f"{KNOWN} FOR UPDATE"
TWINS = f"""
SELECT DISTINCT ON (content_sha256) content_sha256, key FROM {_TABLE}
WHERE content_sha256 = ANY(%(hashes)s::text[]) AND created_at > clock_timestamp() - make_interval(secs => %(window_s)s)
      AND state <> 'FAILED' AND key <> ALL(%(but)s::text[])
ORDER BY content_sha256, created_at
"""  # noqa: S608 - ours

# AWS's own redrive gives a message a new id, and keeps what it says. What was not sent comes first: of several that are
# one by this, none may be left unsent for another that was.
AGAIN = f"""
SELECT d.content_sha256, d.made_at, d.key FROM {_TABLE} d
JOIN unnest(%(hashes)s::text[], %(made)s::timestamptz[]) AS m(hash, made)
     ON d.content_sha256 = m.hash AND d.made_at = m.made
ORDER BY d.state = 'SENT', d.created_at, d.key
"""  # noqa: S608 - ours

_NEWS = """
jsonb_to_recordset(%(news)s::jsonb) AS n(key text, tenant_id bigint, message_id text, mode text, kind text,
    recipient text, sender text, text_bytes integer, text_sha256 text, content_sha256 text, template_id text,
    price_cents bigint, made_at timestamptz, reason text)
"""
# Cut to the columns: one value that is too long (a setting, a stranger's id) must not fail a group for ever.
_INSERT = f"""
INSERT INTO {_TABLE} (key, tenant_id, message_id, mode, kind, recipient, sender, text_bytes, text_sha256,
    content_sha256, template_id, price_cents, made_at, state, reason, token, lease_until, created_at, updated_at,
    finished_at)
SELECT key, tenant_id, left(message_id, 100), left(mode, 8), left(kind, 4), left(recipient, 40), left(sender, 40),
    text_bytes, left(text_sha256, 64), left(content_sha256, 64), left(template_id, 100), price_cents, made_at
"""
CLAIM = f"""
{_INSERT}, 'CLAIMED', '', %(token)s, clock_timestamp() + make_interval(secs => %(lease_s)s),
    clock_timestamp(), clock_timestamp(), NULL
FROM {_NEWS} ORDER BY key ON CONFLICT (key) DO NOTHING RETURNING key
"""

# The platform's words (contract 6.9): four digits of the number, the template or the kind, nothing where it failed.
# An Alimtalk that went as its fallback is written as the text message that it was.
_LOG = """
INSERT INTO messaging_notificationlog
    (sent_at, success, amount_deducted, recipient_summary, template_summary, failure_reason, tenant_id)
SELECT clock_timestamp(), e.state = 'SENT',
    CASE WHEN e.state = 'SENT' AND e.billed AND NOT e.free THEN e.price_cents / 100.0 ELSE 0 END,
    left(regexp_replace(e.recipient, '\\D', '', 'g'), 4) || '****',
    left(CASE WHEN e.free THEN 'MOCK ' ELSE '' END
         || CASE WHEN e.template_id <> '' AND NOT e.fallback THEN e.template_id
                 WHEN e.kind IN ('', 'ATA') THEN 'SMS' ELSE e.kind END, 255),
    CASE WHEN e.state = 'SENT' THEN '' ELSE e.reason END, e.tenant_id
FROM ended e JOIN core_tenant t ON t.id = e.tenant_id WHERE e.state <> 'UNKNOWN' ORDER BY e.tenant_id
"""
REFUSE = f"""
WITH ended AS (
    {_INSERT}, 'FAILED', left(reason, 500), '', NULL, clock_timestamp(), clock_timestamp(), clock_timestamp()
    FROM {_NEWS} ORDER BY key ON CONFLICT (key) DO NOTHING
    RETURNING state, billed, false AS free, price_cents, recipient, template_id, fallback, kind, reason, tenant_id
)
{_LOG}
"""

_HOLD = "token = %(token)s, lease_until = clock_timestamp() + make_interval(secs => %(lease_s)s)"
_TOUCH = "updated_at = clock_timestamp()"
TAKE = f"""
UPDATE {_TABLE} SET {_HOLD}, {_TOUCH}
WHERE key = ANY(%(keys)s::text[]) AND state IN ('CLAIMED', 'SENDING')
      AND (token = %(token)s OR coalesce(lease_until < clock_timestamp(), true))
RETURNING key
"""  # noqa: S608 - ours
# How it failed stays in the row until a request begins: one that cannot be paid after all is put back as it was.
REOPEN = f"""
UPDATE {_TABLE} SET state = 'CLAIMED', fallback = false, {_HOLD}, {_TOUCH}
WHERE key = ANY(%(keys)s::text[]) AND state = 'FAILED' RETURNING key
"""  # noqa: S608 - ours
RECOMPOSE = f"""
UPDATE {_TABLE} d SET mode = left(n.mode, 8), kind = left(n.kind, 4), recipient = left(n.recipient, 40),
    sender = left(n.sender, 40), text_bytes = n.text_bytes, text_sha256 = left(n.text_sha256, 64),
    content_sha256 = left(n.content_sha256, 64), template_id = left(n.template_id, 100)
FROM {_NEWS} WHERE d.key = n.key AND d.state = 'CLAIMED'
"""  # noqa: S608 - ours
UNCLAIM = f"""
WITH unpaid AS (SELECT key, finished_at IS NOT NULL OR billing > 0 AS failed_before FROM {_TABLE}
                WHERE key = ANY(%(keys)s::text[]) AND token = %(token)s AND state = 'CLAIMED' AND NOT billed
                ORDER BY key FOR UPDATE),
     back AS (UPDATE {_TABLE} SET state = 'FAILED', lease_until = NULL, {_TOUCH}
              WHERE key IN (SELECT key FROM unpaid WHERE failed_before))
DELETE FROM {_TABLE} WHERE key IN (SELECT key FROM unpaid WHERE NOT failed_before)
"""  # noqa: S608 - ours


def _fenced(states: str, changes: str) -> str:
    """An update of rows that are still ours, locked in the order of their keys."""
    ours = f"token = %(token)s AND state IN ({states})"
    return f"""
WITH mine AS (SELECT key FROM {_TABLE} WHERE key = ANY(%(keys)s::text[]) AND {ours} ORDER BY key FOR UPDATE)
UPDATE {_TABLE} d SET {changes}, {_TOUCH} FROM mine WHERE d.key = mine.key AND {ours} RETURNING d.key
"""  # noqa: S608 - ours


SENDING = _fenced(
    "'CLAIMED'",
    f"state = 'SENDING', sending_at = clock_timestamp(), attempt = attempt + 1, fallback = %(fallback)s, {_HOLD}, "
    "reason = '', finished_at = NULL",
)
_KEPT = """token = CASE WHEN %(keep)s THEN token ELSE '' END,
    lease_until = CASE WHEN %(keep)s THEN lease_until END"""
BACK = _fenced("'SENDING'", f"state = 'CLAIMED', fallback = coalesce(%(fallback)s::boolean, fallback), {_KEPT}")
RELEASE = _fenced("'CLAIMED', 'SENDING'", "token = '', lease_until = NULL")

_ENDED = """d.key, d.tenant_id, d.state, d.billed, d.price_cents, d.recipient, d.template_id, d.fallback, d.kind,
    d.reason"""
FINISH = f"""
WITH ends AS (
    SELECT * FROM jsonb_to_recordset(%(ends)s::jsonb) AS e(key text, tenant_id bigint, state text, reason text,
        message_id text, group_id text, evidence jsonb, free boolean)
), mine AS (
    SELECT d.key FROM {_TABLE} d JOIN ends e ON e.key = d.key AND e.tenant_id = d.tenant_id
    WHERE d.token = %(token)s AND d.state IN ('CLAIMED', 'SENDING') ORDER BY d.key FOR UPDATE OF d
), ended AS (
    UPDATE {_TABLE} d SET state = e.state, reason = left(e.reason, 500), solapi_message_id = left(e.message_id, 64),
        solapi_group_id = left(e.group_id, 64), evidence = e.evidence, lease_until = NULL, {_TOUCH},
        finished_at = clock_timestamp()
    FROM mine, ends e WHERE d.key = mine.key AND e.key = mine.key AND d.token = %(token)s
        AND d.state IN ('CLAIMED', 'SENDING')
    RETURNING {_ENDED}, e.free
), logged AS ({_LOG})
SELECT key, state, billed FROM ended
UNION ALL
SELECT d.key, '', false FROM {_TABLE} d JOIN ends e ON e.key = d.key AND e.tenant_id = d.tenant_id
WHERE d.token = %(token)s AND d.state = e.state
"""  # noqa: S608 - ours
RESOLVE = f"""
WITH ended AS (
    UPDATE {_TABLE} d SET state = %(state)s, reason = left(%(reason)s, 500),
        solapi_message_id = coalesce(nullif(left(%(message_id)s, 64), ''), solapi_message_id),
        evidence = d.evidence || %(evidence)s::jsonb, lease_until = NULL, {_TOUCH}, finished_at = clock_timestamp()
    WHERE key = %(key)s AND state = %(expected)s AND coalesce(lease_until < clock_timestamp(), true)
    RETURNING {_ENDED}, false AS free
), logged AS ({_LOG})
SELECT key, billed FROM ended
"""  # noqa: S608 - ours

FIND = f"""
SELECT {COLUMNS} FROM {_TABLE}
WHERE (%(tenant_id)s::bigint IS NULL OR tenant_id = %(tenant_id)s)
      AND (cardinality(%(states)s::text[]) = 0 OR state = ANY(%(states)s::text[]))
      AND (%(since)s::timestamptz IS NULL OR created_at >= %(since)s)
ORDER BY created_at DESC, key LIMIT %(limit)s
"""  # noqa: S608 - ours

# The write is fenced by what was read: a caller that has not locked the academies is told so, nobody loses money.
BOOKED = """
SELECT t.id, t.credit_balance::bigint AS balance, coalesce(a.owed_cents, 0) AS owed_cents, coalesce(a.paid, 0) AS paid
FROM core_tenant t LEFT JOIN academyctl_credit_account a ON a.tenant_id = t.id WHERE t.id = ANY(%s::bigint[])
"""
BILLED = f"""
SELECT key, tenant_id, price_cents FROM {_TABLE} WHERE key = ANY(%s::text[]) AND billed ORDER BY key
"""  # noqa: S608 - ours
BOOK = f"""
WITH sums AS (
    SELECT * FROM jsonb_to_recordset(%(sums)s::jsonb) AS s(tenant_id bigint, won bigint, balance bigint,
        owed_before bigint, owed_cents bigint, paid bigint)
), lines AS (
    SELECT * FROM jsonb_to_recordset(%(lines)s::jsonb) AS l(n integer, tenant_id bigint, key text, price_cents bigint,
        won bigint, balance_after bigint)
), moved AS (
    UPDATE core_tenant t SET credit_balance = t.credit_balance + s.won FROM sums s
    WHERE t.id = s.tenant_id AND t.credit_balance = s.balance RETURNING t.id
), accounts AS (
    INSERT INTO academyctl_credit_account AS a (tenant_id, owed_cents, paid)
    SELECT tenant_id, owed_cents, paid FROM sums ORDER BY tenant_id
    ON CONFLICT (tenant_id) DO UPDATE SET owed_cents = excluded.owed_cents, paid = excluded.paid
    WHERE a.owed_cents = (SELECT s.owed_before FROM sums s WHERE s.tenant_id = a.tenant_id) RETURNING a.tenant_id
), rows AS (
    UPDATE {_TABLE} d SET billed = %(charge)s, price_cents = l.price_cents,
        billing = d.billing + CASE WHEN %(charge)s THEN 1 ELSE 0 END, {_TOUCH}
    FROM lines l WHERE d.key = l.key AND d.tenant_id = l.tenant_id AND d.billed <> %(charge)s
    RETURNING d.key, d.billing
), entries AS (
    INSERT INTO academyctl_credit_entry (tenant_id, at, what, delivery_key, billing, price_cents, won, balance_after)
    SELECT l.tenant_id, clock_timestamp(), CASE WHEN %(charge)s THEN 'charge' ELSE 'refund' END, l.key, r.billing,
        l.price_cents, l.won, l.balance_after
    FROM lines l JOIN rows r ON r.key = l.key ORDER BY l.n RETURNING id
)
SELECT (SELECT count(*) FROM moved)::int AS moved, (SELECT count(*) FROM accounts)::int AS accounts,
       (SELECT count(*) FROM entries)::int AS entries
"""  # noqa: S608 - ours
