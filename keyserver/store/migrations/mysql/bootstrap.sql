-- What the runner itself needs (migrate.ts); run before every migration, so it must do no harm twice.
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
