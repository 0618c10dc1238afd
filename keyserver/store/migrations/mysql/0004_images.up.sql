-- Documents as they were before their latest changes, which `revision` numbers, each with a MAC.
CREATE TABLE IF NOT EXISTS document_images (
  kind VARBINARY(16) NOT NULL,
  id VARBINARY(1020) NOT NULL,
  revision BIGINT NOT NULL,
  kid VARBINARY(64) NOT NULL,
  body LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  mac VARBINARY(255) NOT NULL,
  PRIMARY KEY (kind, id, revision)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
