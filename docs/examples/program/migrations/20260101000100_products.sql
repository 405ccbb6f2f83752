-- migrate:up
CREATE TABLE shop.products (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL,
    price numeric(12, 2) NOT NULL CHECK (price >= 0),
    embedding extensions.vector (384)
);

-- migrate:down
DROP TABLE shop.products;
