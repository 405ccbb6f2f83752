-- The rules for clients, in their order.
SELECT type, array_to_json(database) AS databases, array_to_json(user_name) AS users, address, netmask, auth_method AS method
FROM pg_hba_file_rules
WHERE error IS NULL
ORDER BY rule_number
