-- What the runner itself needs (migrate.ts); run before every migration, so it must do no harm twice.
CREATE TABLE IF NOT EXISTS schema_migrations (
  name TEXT PRIMARY KEY,
  applied_at INTEGER NOT NULL,
  created_token_table TEXT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS schema_lock (
  id INTEGER PRIMARY KEY,
  owner TEXT NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

INSERT OR IGNORE INTO schema_lock (id, owner, expires_at) VALUES (1, '', 0);
