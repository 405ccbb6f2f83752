-- No old code runs any more.
-- migrate:up
DROP TRIGGER amount ON shop.orders;
DROP FUNCTION shop.orders_amount();
ALTER TABLE shop.orders DROP COLUMN amount;
