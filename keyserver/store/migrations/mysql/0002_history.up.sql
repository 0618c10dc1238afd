-- The history that the change counter counts in; a restored or failed-over database begins a new one.
CREATE TABLE IF NOT EXISTS change_history (
  id TINYINT NOT NULL,
  history VARBINARY(64) NOT NULL,
  PRIMARY KEY (id)
) ENGINE = InnoDB;

INSERT IGNORE INTO change_history (id, history) VALUES (1, '{random_id}');
