-- The queue is looked at by every pass of the scheduler: what of it has changed since the pass before is told by
-- an index alone, without the rows.

ALTER TABLE job ADD COLUMN version INTEGER NOT NULL DEFAULT 0;  -- one more with each change of the row

DROP INDEX job_queue;
CREATE INDEX job_queue ON job (state, priority DESC, id, version) WHERE state = 1;  -- `state`, for it to be read alone
