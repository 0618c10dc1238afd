DROP TABLE IF EXISTS change_history;
