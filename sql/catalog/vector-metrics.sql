-- Metrics of vector indexes.
SELECT name, help, labels, value
FROM pgwright.vector_metrics
ORDER BY name, labels
