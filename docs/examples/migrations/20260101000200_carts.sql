-- migrate:up
CREATE TABLE shop.carts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    touched_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE shop.cart_products (
    cart_id bigint NOT NULL REFERENCES shop.carts ON DELETE CASCADE,
    product_id bigint NOT NULL REFERENCES shop.products,
    quantity integer NOT NULL CHECK (quantity > 0),
    PRIMARY KEY (cart_id, product_id)
);

-- migrate:down
DROP TABLE shop.cart_products;
DROP TABLE shop.carts;
