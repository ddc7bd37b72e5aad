DROP TABLE card_attempts;
DROP TABLE verifications;
DROP TABLE registrations;
