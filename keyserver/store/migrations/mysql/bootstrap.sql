-- Tables of the runner (migrate.ts). This runs before every migration, so it must be repeatable.
CREATE TABLE IF NOT EXISTS schema_migrations (
  name VARBINARY(128) NOT NULL,
  applied_at BIGINT NOT NULL,
  created_token_table VARBINARY(255) NULL,
  PRIMARY KEY (name)
) ENGINE = InnoDB;

CREATE TABLE IF NOT EXISTS schema_lock (
  id TINYINT NOT NULL,
  owner VARBINARY(64) NOT NULL,
  expires_at BIGINT NOT NULL,
  PRIMARY KEY (id)
) ENGINE = InnoDB;

INSERT IGNORE INTO schema_lock (id, owner, expires_at) VALUES (1, '', 0);
