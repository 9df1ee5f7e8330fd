-- What keeps lists, submissions and the server's state quick with a million ended jobs.

CREATE INDEX job_by_user_and_state ON job (user, state, id);
CREATE INDEX job_by_submission ON job (submitted);

-- Number of jobs by state and user, kept by the database itself: who submits or looks at the server's state must not
-- count a million ended jobs.

CREATE TABLE job_count (
  state INTEGER NOT NULL,
  user TEXT NOT NULL,
  jobs INTEGER NOT NULL,
  PRIMARY KEY (state, user)
) STRICT, WITHOUT ROWID;

INSERT INTO job_count SELECT state, user, COUNT(*) FROM job GROUP BY state, user;

CREATE TRIGGER job_count_insert AFTER INSERT ON job BEGIN
  INSERT INTO job_count VALUES (NEW.state, NEW.user, 1) ON CONFLICT (state, user) DO UPDATE SET jobs = jobs + 1;
END;

CREATE TRIGGER job_count_update AFTER UPDATE OF state, user ON job WHEN OLD.state <> NEW.state OR OLD.user <> NEW.user BEGIN
  UPDATE job_count SET jobs = jobs - 1 WHERE state = OLD.state AND user = OLD.user;
  INSERT INTO job_count VALUES (NEW.state, NEW.user, 1) ON CONFLICT (state, user) DO UPDATE SET jobs = jobs + 1;
END;

CREATE TRIGGER job_count_delete AFTER DELETE ON job BEGIN
  UPDATE job_count SET jobs = jobs - 1 WHERE state = OLD.state AND user = OLD.user;
END;
