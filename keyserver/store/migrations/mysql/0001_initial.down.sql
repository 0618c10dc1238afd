DROP TABLE IF EXISTS changes;
DROP TABLE IF EXISTS change_counter;
DROP TABLE IF EXISTS documents;

-- @if token_table_created
DROP TABLE IF EXISTS {token_table};
