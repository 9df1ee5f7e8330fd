-- Rows of the coordinator. Times are microseconds since 1970 (UTC). `record` columns hold messages of
-- proto/ecgtrain/v1; the columns beside them are the parts that queries need. Numbers of states are those of the
-- messages' enums.

CREATE TABLE job (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  state INTEGER NOT NULL,
  priority INTEGER NOT NULL,          -- 0 low, 1 normal, 2 high
  name TEXT NOT NULL,
  user TEXT NOT NULL,
  submitted INTEGER NOT NULL,
  record BLOB NOT NULL                -- Job without spec
) STRICT;
CREATE INDEX job_queue ON job (priority DESC, id) WHERE state = 1;
CREATE INDEX job_by_state ON job (state, id);
CREATE INDEX job_by_name ON job (name, id);
CREATE INDEX job_by_user ON job (user, id);

-- Apart from `job`, so that lists read neither the bytes nor the pages.
CREATE TABLE job_spec (
  job INTEGER PRIMARY KEY REFERENCES job (id),
  spec BLOB NOT NULL
) STRICT;

CREATE TABLE job_label (
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  job INTEGER NOT NULL REFERENCES job (id),
  PRIMARY KEY (key, value, job)
) STRICT, WITHOUT ROWID;

CREATE TABLE job_dependency (
  dependency INTEGER NOT NULL,        -- no reference: it may be a job of the same batch, inserted later
  job INTEGER NOT NULL REFERENCES job (id),
  PRIMARY KEY (dependency, job)
) STRICT, WITHOUT ROWID;

-- The key is the fencing token: rising over all jobs, never used twice.
CREATE TABLE attempt (
  token INTEGER PRIMARY KEY AUTOINCREMENT,
  job INTEGER NOT NULL REFERENCES job (id),
  number INTEGER NOT NULL,
  state INTEGER NOT NULL,
  worker TEXT NOT NULL,
  record BLOB NOT NULL,               -- Attempt
  UNIQUE (job, number)
) STRICT;
CREATE UNIQUE INDEX attempt_live_of_job ON attempt (job) WHERE state <> 3;
CREATE INDEX attempt_live_of_worker ON attempt (worker, token) WHERE state <> 3;

-- Devices of live attempts: the key makes a device exclusive.
CREATE TABLE device_use (
  worker TEXT NOT NULL,
  device TEXT NOT NULL,
  token INTEGER NOT NULL REFERENCES attempt (token),
  PRIMARY KEY (worker, device)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_use_by_token ON device_use (token);

CREATE TABLE worker (
  name TEXT PRIMARY KEY,
  record BLOB NOT NULL                -- Worker
) STRICT;

CREATE TABLE event (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  job INTEGER NOT NULL,               -- 0: of no job
  record BLOB NOT NULL                -- JobEvent without seq
) STRICT;
CREATE INDEX event_by_job ON event (job, seq);

CREATE TABLE metric_name (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- No references: they would be looked up for every row; whoever inserts checks the attempt once a batch.
CREATE TABLE metric (
  job INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  name INTEGER NOT NULL,              -- metric_name
  step INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  value REAL,                         -- NULL: not a number
  time INTEGER NOT NULL,
  PRIMARY KEY (job, attempt, seq, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_chunk (
  job INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  start INTEGER NOT NULL,             -- offset of the first byte
  size INTEGER NOT NULL,              -- at most 64 KiB
  bytes BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX log_chunk_by_start ON log_chunk (job, attempt, start);

CREATE TABLE checkpoint (
  job INTEGER NOT NULL REFERENCES job (id),
  attempt INTEGER NOT NULL,
  name TEXT NOT NULL,
  step INTEGER NOT NULL,
  record BLOB NOT NULL,               -- Checkpoint
  PRIMARY KEY (job, attempt, name)
) STRICT;
CREATE INDEX checkpoint_by_step ON checkpoint (job, step, attempt);

CREATE TABLE artifact (
  job INTEGER NOT NULL REFERENCES job (id),
  attempt INTEGER NOT NULL,
  path TEXT NOT NULL,
  record BLOB NOT NULL,               -- Artifact
  PRIMARY KEY (job, attempt, path)
) STRICT;

-- Which rows refer to a file of the artifact store.
CREATE TABLE file_reference (
  sha256 TEXT NOT NULL,
  job INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  owner TEXT NOT NULL,                -- 'checkpoint/NAME' or 'artifact/PATH'
  PRIMARY KEY (sha256, job, attempt, owner)
) STRICT, WITHOUT ROWID;
CREATE INDEX file_reference_by_owner ON file_reference (job, attempt, owner);

CREATE TABLE stored_file (
  sha256 TEXT PRIMARY KEY,
  size INTEGER NOT NULL,
  stored INTEGER NOT NULL
) STRICT;
CREATE INDEX stored_file_by_time ON stored_file (stored);

CREATE TABLE request (
  principal TEXT NOT NULL,
  request_id TEXT NOT NULL,
  made INTEGER NOT NULL,
  content BLOB NOT NULL,
  answer BLOB NOT NULL,
  PRIMARY KEY (principal, request_id)
) STRICT;
CREATE INDEX request_by_time ON request (made);

CREATE TABLE token (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sha256 TEXT NOT NULL UNIQUE,        -- of the secret
  record BLOB NOT NULL                -- Token
) STRICT;
