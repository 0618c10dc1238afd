-- An existing token table is left unchanged.
CREATE TABLE IF NOT EXISTS {token_table} (
  client_id TEXT NOT NULL,
  token_type TEXT NOT NULL,
  token TEXT NOT NULL,
  PRIMARY KEY (client_id, token_type)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS documents (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  revision INTEGER NOT NULL,
  kid TEXT NOT NULL,
  body TEXT NOT NULL,
  mac TEXT NOT NULL,
  PRIMARY KEY (kind, id)
) STRICT;

CREATE TABLE IF NOT EXISTS change_counter (
  id INTEGER PRIMARY KEY,
  seq INTEGER NOT NULL
) STRICT;

INSERT OR IGNORE INTO change_counter (id, seq) VALUES (1, 0);

CREATE TABLE IF NOT EXISTS changes (
  seq INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  token_type TEXT NULL
) STRICT;
