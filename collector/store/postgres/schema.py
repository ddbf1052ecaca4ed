"""The tables of the store on PostgreSQL. They stand in the first schema of the connection's search path.

Where SQLite's tables say why a column is there, it is the same here. Texts are compared by their bytes ("C"), so that
an index serves every list. What differs is there because several collectors write at a time.
"""

from __future__ import annotations

TABLES = """
CREATE TABLE meta (key text PRIMARY KEY, value text NOT NULL);

CREATE SEQUENCE batch_ids;
CREATE TABLE batches (
  id bigint PRIMARY KEY,
  signal text COLLATE "C" NOT NULL,
  received_ns bigint NOT NULL,
  items bigint NOT NULL,
  bytes bigint NOT NULL,
  hops text NOT NULL,
  in_session boolean NOT NULL,
  policy text NOT NULL,          -- it was sealed under; a collector sends only what was sealed under its own
  data bytea NOT NULL
);
ALTER TABLE batches ALTER data SET STORAGE EXTERNAL;
CREATE INDEX batches_without_session ON batches (id) WHERE NOT in_session;
CREATE INDEX batches_by_signal ON batches (signal, id);

-- Bytes, items, hops and policy of the batch stand here too, so that a lease looks at this table alone.
-- A lease ends by itself: what a collector had when it died is due again for any other.
CREATE TABLE outbox (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  destination text COLLATE "C" NOT NULL,
  signal text COLLATE "C" NOT NULL,
  batch_id bigint NOT NULL,
  first_item bigint NOT NULL,
  items bigint NOT NULL,
  of_items bigint NOT NULL,
  bytes bigint NOT NULL,
  hops text NOT NULL,
  policy text NOT NULL,
  queued_ms bigint NOT NULL,
  due_ms bigint NOT NULL DEFAULT 0,
  attempts integer NOT NULL DEFAULT 0,
  suspicion integer NOT NULL DEFAULT 0,
  most_ranges integer NOT NULL DEFAULT 0,
  shrinks integer NOT NULL DEFAULT 0,
  cause text NOT NULL DEFAULT '',
  lessee text NOT NULL DEFAULT '',
  leased_until timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 70);
CREATE INDEX outbox_due ON outbox (destination, signal, due_ms, batch_id, first_item);
CREATE INDEX outbox_by_batch ON outbox (batch_id);

CREATE TABLE dead_letters (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  destination text COLLATE "C" NOT NULL,
  signal text COLLATE "C" NOT NULL,
  batch_id bigint NOT NULL,
  first_item bigint NOT NULL,
  items bigint NOT NULL,
  died_ns bigint NOT NULL,
  attempts integer NOT NULL,
  cause text NOT NULL
);
CREATE INDEX dead_letters_by_batch ON dead_letters (batch_id);
CREATE INDEX dead_letters_by_lane ON dead_letters (destination, id);

CREATE TABLE holds (
  destination text COLLATE "C" NOT NULL,
  signal text COLLATE "C" NOT NULL,
  until_ms bigint NOT NULL,
  failures integer NOT NULL,
  cause text NOT NULL,
  PRIMARY KEY (destination, signal)
);

CREATE TABLE spans (
  trace_id text COLLATE "C" NOT NULL,
  span_id text COLLATE "C" NOT NULL,
  parent_id text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  service text NOT NULL,
  name text NOT NULL,
  kind text NOT NULL,
  start_ns bigint NOT NULL,
  end_ns bigint NOT NULL,
  error integer NOT NULL,
  model text COLLATE "C" NOT NULL,
  tool text COLLATE "C" NOT NULL,
  tokens bigint NOT NULL,
  cost double precision NOT NULL,
  batch_id bigint NOT NULL,
  PRIMARY KEY (trace_id, span_id)
);
CREATE INDEX spans_by_session ON spans (session_id, start_ns);
CREATE INDEX spans_by_batch ON spans (batch_id);
CREATE INDEX spans_by_model ON spans (model, start_ns) WHERE model <> '';
CREATE INDEX spans_by_tool ON spans (tool, start_ns) WHERE tool <> '';
CREATE INDEX spans_failed ON spans (start_ns) WHERE error = 1;

CREATE TABLE traces (
  trace_id text COLLATE "C" PRIMARY KEY,
  session_id text COLLATE "C" NOT NULL,
  service text NOT NULL,
  name text NOT NULL,
  name_rank bigint NOT NULL,
  spans bigint NOT NULL,
  errors bigint NOT NULL,
  tokens bigint NOT NULL,
  cost double precision NOT NULL,
  start_ns bigint NOT NULL,
  end_ns bigint NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX traces_by_end ON traces (end_ns);
CREATE INDEX traces_by_session ON traces (session_id, end_ns);

CREATE TABLE sessions (
  session_id text COLLATE "C" PRIMARY KEY,
  service text NOT NULL,
  title text NOT NULL,
  prompt text NOT NULL,
  directory text NOT NULL,
  agent text NOT NULL,
  model text NOT NULL,
  failure text NOT NULL,
  traces bigint NOT NULL,
  spans bigint NOT NULL,
  tools bigint NOT NULL,
  errors bigint NOT NULL,
  tokens bigint NOT NULL,
  cost double precision NOT NULL,
  start_ns bigint NOT NULL,
  end_ns bigint NOT NULL,
  last_batch bigint NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX sessions_by_end ON sessions (end_ns);
CREATE INDEX sessions_by_last_batch ON sessions (last_batch);

CREATE TABLE session_uses (
  kind text COLLATE "C" NOT NULL CHECK (kind IN ('model', 'tool')),
  value text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (kind, value, session_id)
);
CREATE INDEX session_uses_by_session ON session_uses (session_id);

-- Batches whose text is not searched yet: a number alone would pass over one that is committed after a later one.
CREATE TABLE to_index (batch_id bigint PRIMARY KEY);
CREATE TABLE texts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  trace_id text COLLATE "C" NOT NULL,
  span_id text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  batch_id bigint NOT NULL,
  content text NOT NULL,
  words tsvector NOT NULL
);
CREATE UNIQUE INDEX texts_by_span ON texts (trace_id, span_id);
CREATE INDEX texts_by_batch ON texts (batch_id);
CREATE INDEX texts_by_words ON texts USING gin (words);

-- Counters stand in shards, one a collector that runs, so that none waits for another's commit.
CREATE TABLE ledger (
  shard integer NOT NULL,
  destination text COLLATE "C" NOT NULL,
  signal text COLLATE "C" NOT NULL,
  outcome text COLLATE "C" NOT NULL CHECK (outcome IN ('received', 'delivered', 'dropped')),
  reason text COLLATE "C" NOT NULL DEFAULT '',
  items bigint NOT NULL,
  PRIMARY KEY (shard, destination, signal, outcome, reason)
) WITH (fillfactor = 50);

-- `kept_in` is the transaction that kept a fact, `kept_by` the collector: whoever assembles reads what others kept.
CREATE TABLE inbox (
  session_id text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  message_id text COLLATE "C" NOT NULL,
  at bigint NOT NULL,
  ord bigint NOT NULL,
  kept_ms bigint NOT NULL,
  kept_in xid8 NOT NULL DEFAULT pg_current_xact_id(),
  kept_by bigint NOT NULL,
  data bytea NOT NULL,
  PRIMARY KEY (session_id, key)
);
CREATE INDEX inbox_by_transaction ON inbox (kept_in);

CREATE TABLE opencode_sessions (
  session_id text COLLATE "C" PRIMARY KEY,
  updated_ns bigint NOT NULL,
  data bytea NOT NULL
);
CREATE TABLE built_spans (span bigint PRIMARY KEY);
CREATE TABLE unknown_events (type text COLLATE "C" PRIMARY KEY, count bigint NOT NULL);
"""
