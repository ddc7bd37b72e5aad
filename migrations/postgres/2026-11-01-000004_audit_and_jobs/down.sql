DROP TABLE jobs;
DROP TABLE refusal_counts;
DROP TABLE audit_rows;
DROP TABLE audit_heads;
