-- One plan at a time, and the next one from the moment on in which the last one ends.
BEGIN;
SET LOCAL search_path = '';
SET LOCAL ROLE patterns_app;

INSERT INTO patterns.users (id, email, password_hash) VALUES
('00000000-0000-0000-0000-000000000001', 'plan1@test.example', 'x'),
('00000000-0000-0000-0000-000000000002', 'plan2@test.example', 'x');

INSERT INTO patterns.subscriptions (user_id, plan, valid) VALUES
('00000000-0000-0000-0000-000000000001', 'free', '[2050-01-01 00:00+00, 2050-02-01 12:00+00)'),
('00000000-0000-0000-0000-000000000001', 'team', '[2050-02-01 12:00+00,)'),
('00000000-0000-0000-0000-000000000002', 'business', '[2050-01-15 00:00+00,)');

DO $$
BEGIN
  ASSERT (
    SELECT s.plan = 'team' FROM patterns.subscriptions AS s
    WHERE s.user_id = '00000000-0000-0000-0000-000000000001' AND s.valid @> '2050-02-01 12:00+00'::timestamptz
  ), 'who changes at noon has the new plan at noon';
  ASSERT (SELECT count(*) = 2 FROM patterns.subscriptions AS s WHERE s.plan > 'free'), 'plans have an order';

  BEGIN
    INSERT INTO patterns.subscriptions (user_id, plan, valid)
    VALUES ('00000000-0000-0000-0000-000000000001', 'business', '[2050-01-31 00:00+00, 2050-02-02 00:00+00)');
    ASSERT false, 'two plans at a time are refused';
  EXCEPTION WHEN exclusion_violation THEN
    NULL;
  END;

  BEGIN
    INSERT INTO patterns.subscriptions (user_id, plan, valid)
    VALUES ('00000000-0000-0000-0000-000000000001', 'team', '[2049-01-01 00:00+00, 2049-02-01 00:00+00]');
    ASSERT false, 'a range whose end is part of it is refused';
  EXCEPTION WHEN check_violation THEN
    NULL;
  END;
END
$$;
ROLLBACK;
