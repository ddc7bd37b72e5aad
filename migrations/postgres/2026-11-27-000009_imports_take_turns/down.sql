DELETE FROM console_facts WHERE name = 'import';
