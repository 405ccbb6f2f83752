-- Metrics of backups.
SELECT name, help, labels, value
FROM pgwright.backup_metrics
ORDER BY name, labels
