-- Documents as they were before their latest changes, which `revision` numbers, each with a MAC.
CREATE TABLE IF NOT EXISTS document_images (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  revision INTEGER NOT NULL,
  kid TEXT NOT NULL,
  body TEXT NOT NULL,
  mac TEXT NOT NULL,
  PRIMARY KEY (kind, id, revision)
) STRICT;
