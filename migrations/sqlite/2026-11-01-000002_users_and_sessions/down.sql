DROP TABLE console_facts;
DROP TABLE throttles;
DROP TABLE sessions;
DROP TABLE group_members;
DROP TABLE users;
