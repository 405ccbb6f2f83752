-- The rules of pg_hba.conf in their order; lines that PostgreSQL cannot parse, with the error and an empty rule.
SELECT coalesce(type, '') AS type, coalesce(array_to_json(database), '[]') AS databases,
       coalesce(array_to_json(user_name), '[]') AS users, address, netmask, coalesce(auth_method, '') AS method,
       line_number AS line, error
FROM pg_hba_file_rules
ORDER BY rule_number
