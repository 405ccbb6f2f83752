import type { Client } from "pg";
import { readRows } from "../../catalog-query";
import { type Found, DATABASE } from "./statements";

export async function find(client: Client, name: string): Promise<Found | undefined> {
  return (await readRows(client, DATABASE, name))[0];
}
