-- orders.amount, an integer, becomes orders.amount_cents, a bigint. Old code goes on with amount.
-- migrate:up
ALTER TABLE shop.orders ADD COLUMN amount_cents bigint;

-- Whichever of both is written, the other follows.
CREATE FUNCTION shop.orders_amount() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        new.amount_cents := coalesce(new.amount_cents, new.amount);
        new.amount := coalesce(new.amount, new.amount_cents);
    ELSIF new.amount_cents IS DISTINCT FROM old.amount_cents THEN
        new.amount := new.amount_cents;
    ELSIF new.amount IS DISTINCT FROM old.amount THEN
        new.amount_cents := new.amount;
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER amount BEFORE INSERT OR UPDATE ON shop.orders
FOR EACH ROW EXECUTE FUNCTION shop.orders_amount();

-- migrate:down
DROP TRIGGER amount ON shop.orders;
DROP FUNCTION shop.orders_amount();
ALTER TABLE shop.orders DROP COLUMN amount_cents;
