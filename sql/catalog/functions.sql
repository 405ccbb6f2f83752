-- Functions, procedures and aggregates as the catalog writes them: f(timestamptz) is f(timestamp with time zone) there.
SELECT written.n::int AS n, format('%s(%s)', proname, oidvectortypes(proargtypes)) AS name
FROM unnest($1::text[]) WITH ORDINALITY AS written (signature, n)
JOIN pg_proc ON pg_proc.oid = to_regprocedure(written.signature)
