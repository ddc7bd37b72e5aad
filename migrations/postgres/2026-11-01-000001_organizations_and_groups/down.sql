DROP TABLE payment_methods;
DROP TABLE billing_groups;
DROP TABLE organizations;
