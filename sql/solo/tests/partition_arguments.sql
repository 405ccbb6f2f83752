-- Wrong arguments and wrong roles get a clear error; settings of the caller survive.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE solo_owner;

DO $$
DECLARE
  v_months int;
  v_message text;
BEGIN
  FOREACH v_months IN ARRAY ARRAY[-1, 121, NULL] LOOP
    v_message := NULL;
    BEGIN
      PERFORM metrics.create_future_partitions(v_months, '2047-12-15 00:00:00+00');
    EXCEPTION WHEN invalid_parameter_value THEN
      GET STACKED DIAGNOSTICS v_message = MESSAGE_TEXT;
    END;
    ASSERT v_message = format('months_ahead must be between 0 and 120, not %s', coalesce(v_months::text, 'NULL')),
      format('months_ahead %s: %s', v_months, v_message);
  END LOOP;

  BEGIN
    PERFORM metrics.create_future_partitions(1, 'infinity');
    ASSERT false, 'an infinite clock is refused';
  EXCEPTION WHEN invalid_parameter_value THEN
    NULL;
  END;
END
$$;

SET LOCAL lock_timeout = '7s';
SET LOCAL timezone = 'Pacific/Auckland';
SELECT count(*) FROM metrics.create_future_partitions(0, '2047-12-15 00:00:00+00');

DO $$
BEGIN
  ASSERT current_setting('lock_timeout') = '7s', 'lock_timeout of the caller is back';
  ASSERT current_setting('timezone') = 'Pacific/Auckland', 'TimeZone of the caller is back';
END
$$;

-- A superuser would own the partitions it creates.
RESET ROLE;

DO $$
DECLARE
  v_hint text;
BEGIN
  BEGIN
    PERFORM metrics.create_future_partitions(0, '2048-12-15 00:00:00+00');
    ASSERT false, 'only the owner creates partitions';
  EXCEPTION WHEN insufficient_privilege THEN
    GET STACKED DIAGNOSTICS v_hint = PG_EXCEPTION_HINT;
  END;
  ASSERT v_hint = 'SET ROLE solo_owner first.', format('the hint says what to do: %s', v_hint);
END
$$;
ROLLBACK;
