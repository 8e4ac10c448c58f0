-- The tables of academyctl's own beside the platform's. Applied by `academyctl db migrate`; every statement may run again.
-- No foreign keys: the platform deletes its rows by itself and knows nothing of these tables.

CREATE TABLE IF NOT EXISTS academyctl_message_delivery (
    key varchar(100) PRIMARY KEY,
    tenant_id bigint NOT NULL,
    message_id varchar(100) NOT NULL,
    state varchar(8) NOT NULL CHECK (state IN ('CLAIMED', 'SENDING', 'SENT', 'FAILED', 'UNKNOWN')),
    mode varchar(8) NOT NULL,
    kind varchar(4) NOT NULL,
    recipient varchar(40) NOT NULL,
    sender varchar(40) NOT NULL,
    text_bytes integer NOT NULL,
    text_sha256 varchar(64) NOT NULL,
    content_sha256 varchar(64) NOT NULL,
    template_id varchar(100) NOT NULL,
    made_at timestamptz,
    price_cents bigint NOT NULL CHECK (price_cents >= 0),
    billed boolean NOT NULL DEFAULT false,
    billing integer NOT NULL DEFAULT 0,
    attempt integer NOT NULL DEFAULT 0,
    fallback boolean NOT NULL DEFAULT false,
    token varchar(64) NOT NULL DEFAULT '',
    lease_until timestamptz,
    sending_at timestamptz,
    solapi_message_id varchar(64) NOT NULL DEFAULT '',
    solapi_group_id varchar(64) NOT NULL DEFAULT '',
    reason varchar(500) NOT NULL DEFAULT '',
    evidence jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    finished_at timestamptz
);
CREATE INDEX IF NOT EXISTS academyctl_message_delivery_tenant
    ON academyctl_message_delivery (tenant_id, created_at DESC);
CREATE INDEX IF NOT EXISTS academyctl_message_delivery_open
    ON academyctl_message_delivery (state, updated_at) WHERE state <> 'SENT';
CREATE INDEX IF NOT EXISTS academyctl_message_delivery_content
    ON academyctl_message_delivery (content_sha256, created_at);
CREATE INDEX IF NOT EXISTS academyctl_message_delivery_created
    ON academyctl_message_delivery (created_at DESC);

-- What an academy's billed texts cost exactly, and what its balance has paid for them: paid = owed_cents rounded up.
CREATE TABLE IF NOT EXISTS academyctl_credit_account (
    tenant_id bigint PRIMARY KEY,
    owed_cents bigint NOT NULL CHECK (owed_cents >= 0),
    paid bigint NOT NULL CHECK (paid = (owed_cents + 99) / 100)
);

-- Every change that academyctl made to an academy's credit_balance, in won; never changed and never deleted.
CREATE TABLE IF NOT EXISTS academyctl_credit_entry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id bigint NOT NULL,
    at timestamptz NOT NULL,
    what varchar(8) NOT NULL CHECK (what IN ('charge', 'refund')),
    delivery_key varchar(100) NOT NULL,
    billing integer NOT NULL,
    price_cents bigint NOT NULL,
    won bigint NOT NULL,
    balance_after numeric(12, 0) NOT NULL,
    UNIQUE (delivery_key, billing, what)
);
CREATE INDEX IF NOT EXISTS academyctl_credit_entry_tenant ON academyctl_credit_entry (tenant_id, id);
