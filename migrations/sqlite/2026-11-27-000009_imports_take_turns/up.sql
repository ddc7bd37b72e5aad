-- The row that an import holds while it writes.
INSERT INTO console_facts (name, value) VALUES ('import', '');
