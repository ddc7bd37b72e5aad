DROP TABLE sandbox_codes;
DROP TABLE sandbox_cards;
