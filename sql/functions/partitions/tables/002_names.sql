-- The names of the stack file.
ALTER TABLE pgwright.partition_sets RENAME COLUMN step TO interval;
ALTER TABLE pgwright.partition_sets RENAME COLUMN start_at TO start;
-- of list sets: {suffix: [values]}
ALTER TABLE pgwright.partition_sets RENAME COLUMN members TO values;
-- of hash sets
ALTER TABLE pgwright.partition_sets ADD COLUMN modulus int;

UPDATE pgwright.partition_sets AS s SET modulus = (s.values ->> 'modulus')::int, values = NULL WHERE s.kind = 'hash';
UPDATE pgwright.partition_sets AS s SET sub = s.sub - 'partitions' || jsonb_build_object('values', s.sub -> 'partitions')
WHERE s.sub ? 'partitions';
