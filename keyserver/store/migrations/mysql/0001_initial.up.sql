-- Names have up to 255 code points of UTF-8 and are compared byte by byte, hence VARBINARY.
-- An existing token table is left unchanged.
CREATE TABLE IF NOT EXISTS {token_table} (
  client_id VARBINARY(1020) NOT NULL,
  token_type VARBINARY(1020) NOT NULL,
  token LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  PRIMARY KEY (client_id, token_type)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

CREATE TABLE IF NOT EXISTS documents (
  kind VARBINARY(16) NOT NULL,
  id VARBINARY(1020) NOT NULL,
  revision BIGINT NOT NULL,
  kid VARBINARY(64) NOT NULL,
  body LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  mac VARBINARY(255) NOT NULL,
  PRIMARY KEY (kind, id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

CREATE TABLE IF NOT EXISTS change_counter (
  id TINYINT NOT NULL,
  seq BIGINT NOT NULL,
  PRIMARY KEY (id)
) ENGINE = InnoDB;

INSERT IGNORE INTO change_counter (id, seq) VALUES (1, 0);

CREATE TABLE IF NOT EXISTS changes (
  seq BIGINT NOT NULL,
  kind VARBINARY(16) NOT NULL,
  id VARBINARY(1020) NOT NULL,
  token_type VARBINARY(1020) NULL,
  PRIMARY KEY (seq)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
