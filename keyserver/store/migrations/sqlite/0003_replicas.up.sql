-- A report of each KeyServer process, with its MAC, and the day on which a caller's key was last used.
CREATE TABLE IF NOT EXISTS replicas (
  id TEXT NOT NULL PRIMARY KEY,
  beat INTEGER NOT NULL,
  kid TEXT NOT NULL,
  body TEXT NOT NULL,
  mac TEXT NOT NULL,
  seen_at INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS key_uses (
  hash TEXT NOT NULL PRIMARY KEY,
  day TEXT NOT NULL
) STRICT;
