-- customers.name becomes given_name and family_name.
-- migrate:up transaction:false
ALTER TABLE shop.customers ADD COLUMN given_name text, ADD COLUMN family_name text;

CREATE FUNCTION shop.customers_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF new.given_name IS DISTINCT FROM old.given_name OR new.family_name IS DISTINCT FROM old.family_name THEN
        new.name := concat_ws(' ', new.given_name, nullif(new.family_name, ''));
    ELSIF TG_OP = 'INSERT' OR new.name IS DISTINCT FROM old.name THEN
        new.given_name := split_part(new.name, ' ', 1);
        new.family_name := substr(new.name, length(new.given_name) + 2);
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER name BEFORE INSERT OR UPDATE ON shop.customers
FOR EACH ROW EXECUTE FUNCTION shop.customers_name();

-- pgwright:batch rows=5000 pause=10ms
UPDATE shop.customers
SET given_name = split_part(name, ' ', 1), family_name = substr(name, length(split_part(name, ' ', 1)) + 2)
WHERE given_name IS NULL;

-- migrate:down
DROP TRIGGER name ON shop.customers;
DROP FUNCTION shop.customers_name();
ALTER TABLE shop.customers DROP COLUMN given_name, DROP COLUMN family_name;
