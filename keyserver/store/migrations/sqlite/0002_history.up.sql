-- The history that the change counter counts in; a restored or failed-over database begins a new one.
CREATE TABLE IF NOT EXISTS change_history (
  id INTEGER PRIMARY KEY,
  history TEXT NOT NULL
) STRICT;

INSERT OR IGNORE INTO change_history (id, history) VALUES (1, '{random_id}');
