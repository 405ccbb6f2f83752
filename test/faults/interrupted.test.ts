import { it } from "vitest";
import { firstUpKilled } from "../integration/killed-up";

const config = {
  roles: { owner: {}, reader: { login: true } },
  databases: { app: { owner: "owner", schemas: { data: {} } } },
};

// From before the first resource to after the last one: a first `up` takes some 8 s on two cores.
it.each([1000, 2000, 3000, 4000, 5000, 6000, 7000, 8000])(
  "a first `up` that is killed %i ms after its start: the next one goes on",
  (moment) => firstUpKilled(config, moment),
);
