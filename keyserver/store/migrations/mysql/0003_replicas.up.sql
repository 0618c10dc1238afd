-- A report of each KeyServer process, with its MAC, and the day on which a caller's key was last used.
CREATE TABLE IF NOT EXISTS replicas (
  id VARBINARY(64) NOT NULL,
  beat BIGINT NOT NULL,
  kid VARBINARY(64) NOT NULL,
  body LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  mac VARBINARY(255) NOT NULL,
  seen_at BIGINT NOT NULL,
  PRIMARY KEY (id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

CREATE TABLE IF NOT EXISTS key_uses (
  hash VARBINARY(64) NOT NULL,
  day VARBINARY(10) NOT NULL,
  PRIMARY KEY (hash)
) ENGINE = InnoDB;
