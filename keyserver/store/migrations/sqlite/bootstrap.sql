-- Tables of the runner (migrate.ts). This runs before every migration, so it must be repeatable.
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
