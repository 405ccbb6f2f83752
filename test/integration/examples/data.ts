import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "pg";

/** A place for each word and each part of three letters: texts that share many are near each other, as with a model. */
export function embed(text: string, dimensions = 1536): string {
  const vector = new Float64Array(dimensions);
  for (const word of text.toLowerCase().match(/[a-z0-9]+/g) ?? []) {
    const parts = Array.from({ length: word.length }, (_, i) => ` ${word} `.slice(i, i + 3));
    for (const [part, weight] of [[word, 2] as const, ...parts.map((each) => [each, 0.5] as const)]) {
      const hash = createHash("md5").update(part).digest();
      vector[hash.readUInt32LE(0) % dimensions]! += (hash[4]! & 1 ? 1 : -1) * weight;
    }
  }
  const length = Math.hypot(...vector) || 1;
  return `[${Array.from(vector, (value) => Number((value / length).toFixed(4))).join(",")}]`;
}

const pick = <T>(from: readonly T[], n: number): T => from[n % from.length] as T;

const FIRST = ["Ada", "Grace", "Katherine", "Alan", "Edsger", "Barbara", "Donald", "Radia", "Ken", "Frances", "Will"];
const LAST = ["Lovelace", "Hopper", "Johnson", "Turing", "Dijkstra", "Liskov", "Knuth", "Perlman", "Thompson", "Allen"];
const CITIES = ["Lisbon", "Oslo", "Nairobi", "Quito", "Hanoi", "Tampere", "Leeds"];
const HOBBIES = ["paints birds", "repairs old radios", "runs marathons", "keeps bees", "collects maps", "bakes bread"];

/** Users who came over two years, two of three with a profile, and their events of the last five months. */
export async function loadUsers(client: Client, users: number, events: number): Promise<void> {
  const who = Array.from({ length: users }, (_, n) => ({
    name: `${pick(FIRST, n)} ${pick(LAST, Math.floor(n / 11))}`,
    bio: `Lives in ${pick(CITIES, n)} and ${pick(HOBBIES, Math.floor(n / 7))}.`,
  }));
  await client.query(
    `WITH added AS (
       INSERT INTO patterns.users (email, username, password_hash, email_verified, created_at)
       SELECT format('user%s@mail.example', n), lower(replace(name, ' ', '_')) || '_' || n, 'scram', n % 20 <> 0,
         now() - interval '2 years' * (1 - n::float8 / $3)
       FROM unnest($1::text[]) WITH ORDINALITY AS w (name, n)
       RETURNING id, email
     )
     INSERT INTO patterns.user_profiles (user_id, display_name, bio, preferences)
     SELECT a.id, w.name, w.bio,
       jsonb_build_object('theme', CASE n % 3 WHEN 0 THEN 'dark' ELSE 'light' END, 'mail', jsonb_build_object('weekly', n % 50 = 1))
     FROM added AS a
     JOIN unnest($1::text[], $2::text[]) WITH ORDINALITY AS w (name, bio, n) ON a.email = format('user%s@mail.example', w.n)
     WHERE n % 3 <> 0`,
    [who.map(({ name }) => name), who.map(({ bio }) => bio), users],
  );
  await client.query(
    `INSERT INTO patterns.events (user_id, event_type, data, created_at)
     SELECT u.ids[1 + n % 499], CASE WHEN n % 8 = 0 THEN 'login' WHEN n % 5 = 0 THEN 'purchase' ELSE 'view' END,
       jsonb_build_object('page', '/items/' || n % 300, 'device', CASE n % 400 WHEN 0 THEN 'tv' ELSE 'phone' END),
       now() - interval '150 days' * (1 - n::float8 / $1)
     FROM generate_series(1, $1) AS n
     CROSS JOIN (SELECT array_agg(id ORDER BY created_at) AS ids FROM patterns.users) AS u`,
    [events],
  );
}

const FEATURES = [
  "Live score ticker",
  "Pitch tracker",
  "Box score",
  "Standings page",
  "Video highlights",
  "Ticket wallet",
];
const CHECKS = [
  "updates within two seconds",
  "survives a lost connection",
  "is read aloud by the screen reader",
  "fits a small screen",
];
const WHERE = [
  "during extra innings",
  "in a rain delay",
  "for a postponed game",
  "in spring training",
  "on opening day",
];
const PLATFORMS = ["ios", "android", "web", "tvos"];

/** Test cases, each with a step. The last ones are not embedded yet. */
export async function loadTestCases(client: Client, cases: number, unembedded: number): Promise<void> {
  const all = Array.from({ length: cases }, (_, n) => {
    const title = `${pick(FEATURES, n)} ${pick(CHECKS, Math.floor(n / 6))} ${pick(WHERE, Math.floor(n / 24))}`;
    return {
      title: `${title} on ${pick(PLATFORMS, n)}`,
      description: `Build ${1000 + n}: the ${title.toLowerCase()}.`,
      n,
    };
  });
  await client.query(
    `INSERT INTO qbench.test_documents (test_key, title, description, test_type, priority, platforms, metadata, embedding, embedding_model)
     SELECT 'MLB-' || n, title, description, (ARRAY['manual', 'automated', 'api'])[1 + n % 3], (ARRAY['low', 'medium', 'high'])[1 + n % 3],
       ARRAY[(ARRAY['ios', 'android', 'web', 'tvos'])[n % 4]], jsonb_build_object('season', 2020 + n % 5), embedding::extensions.vector,
       CASE WHEN embedding IS NOT NULL THEN 'hash-1536' END
     FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS t (title, description, embedding, n)`,
    [
      all.map(({ title }) => title),
      all.map(({ description }) => description),
      all.map(({ title, description, n }) => (n < cases - unembedded ? embed(`${title} ${description}`) : null)),
    ],
  );
  await client.query(
    `INSERT INTO qbench.test_steps (document_id, step_index, action, expected, embedding, embedding_model)
     SELECT d.id, 0, 'Check: ' || d.title, 'As described', d.embedding, d.embedding_model FROM qbench.test_documents AS d`,
  );
}

interface Movie {
  Title: unknown;
  "Major Genre": string | null;
  Director: string | null;
  Distributor: string | null;
  "Release Date": string;
}

/** Films as documents: genre, director and distributor are what is asked besides the title. Returns their titles. */
export async function loadFilms(client: Client): Promise<string[]> {
  const file = join(__dirname, "..", "..", "..", "node_modules", "vega-datasets", "data", "movies.json");
  const all = (JSON.parse(readFileSync(file, "utf8")) as Movie[]).filter(
    (movie) => typeof movie.Title === "string" && movie.Distributor && movie["Major Genre"],
  );
  const title = (movie: Movie) => movie.Title as string;
  const text = (movie: Movie) =>
    `${title(movie)}, a film by ${movie.Director ?? "somebody"}, shown by ${movie.Distributor}. ${movie["Major Genre"]}.`;
  const rows = [
    all.map(title),
    all.map((movie) => movie["Major Genre"]),
    all.map((movie) => JSON.stringify({ director: movie.Director, distributor: movie.Distributor })),
    all.map(text),
    all.map((movie) => embed(text(movie))),
  ];
  // The role's own limit is for the statements of an application; a slow machine takes longer to index all films.
  await client.query("SET statement_timeout = 0");
  await client.query(
    `WITH film AS MATERIALIZED (
       SELECT gen_random_uuid() AS id, f.*
       FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::text[], $5::text[]) WITH ORDINALITY
         AS f (title, genre, metadata, content, embedding, n)
     ), document AS (
       INSERT INTO apex.documents (id, title, doc_type, metadata, embedding, created_at)
       SELECT id, title, genre, metadata, embedding::extensions.vector, now() - n * interval '1 hour' FROM film
       RETURNING id
     ), meta AS (
       INSERT INTO apex.documents_meta (id, title, doc_type, author) SELECT id, title, genre, metadata ->> 'director' FROM film RETURNING id
     ), vectors AS (
       INSERT INTO apex.documents_vectors (document_id, embedding) SELECT id, embedding::extensions.vector FROM film
     )
     INSERT INTO apex.chunks (document_id, chunk_index, content, embedding)
     SELECT id, 0, content, embedding::extensions.vector FROM film`,
    rows,
  );
  await client.query("RESET statement_timeout");
  return all.map(title);
}
