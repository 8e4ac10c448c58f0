"""Tenants' message credit and sender numbers as read verbs (contract 3.1 core_tenant, 6.4, 6.8)."""

from __future__ import annotations

from academyctl.stores.postgres_batch import Statement

LISTED = 200
# A price of 0 charges nothing, so a balance of 0 is then no hindrance; a negative one is wrong at any price.
_TENANTS = """
SELECT code, credit_balance::bigint AS credit, messaging_base_price::float AS price, messaging_sender AS sender,
       (credit_balance < 0 OR (messaging_base_price > 0 AND credit_balance < messaging_base_price)) AS broke,
       count(*) OVER ()::int AS total
FROM core_tenant WHERE is_active AND messaging_is_active
ORDER BY 5 DESC, (messaging_sender = '') DESC, code LIMIT %(listed)s
"""


def senders() -> Statement:
    """Tenants that send messages, those that cannot first: code, credit, price, sender, broke; and their `total`."""
    return _TENANTS, {"listed": LISTED}
