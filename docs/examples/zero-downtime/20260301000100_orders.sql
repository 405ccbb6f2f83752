-- migrate:up
CREATE TABLE shop.customers (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL
);
CREATE TABLE shop.orders (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number text,
    customer_id bigint,
    amount integer NOT NULL
);

-- migrate:down
DROP TABLE shop.orders;
DROP TABLE shop.customers;
