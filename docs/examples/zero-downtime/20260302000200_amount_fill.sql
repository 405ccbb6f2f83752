-- migrate:up transaction:false
-- pgwright:batch
UPDATE shop.orders SET amount_cents = amount WHERE amount_cents IS NULL;

-- NOT NULL: the CHECK is proven while others write, and then stands for the scan that SET NOT NULL would make.
ALTER TABLE shop.orders ADD CONSTRAINT amount_cents_there CHECK (amount_cents IS NOT NULL) NOT VALID;
ALTER TABLE shop.orders VALIDATE CONSTRAINT amount_cents_there;
ALTER TABLE shop.orders ALTER COLUMN amount_cents SET NOT NULL;
ALTER TABLE shop.orders DROP CONSTRAINT amount_cents_there;

-- migrate:down
ALTER TABLE shop.orders ALTER COLUMN amount_cents DROP NOT NULL;
