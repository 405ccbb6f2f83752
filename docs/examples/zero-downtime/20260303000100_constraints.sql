-- migrate:up transaction:false
CREATE UNIQUE INDEX CONCURRENTLY orders_number ON shop.orders (number);
ALTER TABLE shop.orders ADD CONSTRAINT orders_number UNIQUE USING INDEX orders_number;

CREATE INDEX CONCURRENTLY orders_customer ON shop.orders (customer_id);
ALTER TABLE shop.orders ADD CONSTRAINT orders_customer
FOREIGN KEY (customer_id) REFERENCES shop.customers NOT VALID;
ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_customer;

-- migrate:down
ALTER TABLE shop.orders DROP CONSTRAINT orders_customer;
DROP INDEX shop.orders_customer;
ALTER TABLE shop.orders DROP CONSTRAINT orders_number;
