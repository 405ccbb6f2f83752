import { describe, expect, it } from "vitest";
import { jobsOf } from "../../../config/jobs";
import { parseStack } from "../../../config/parse";
import { StackError } from "../../../config/problem";

const index = { table: "rag.chunks", column: "embedding", distance: "cosine" };
const stack = (indexes: object, database: object = {}, vectors: object = {}) => ({
  roles: { owner: {}, keeper: { login: true, password: false } },
  databases: {
    app: {
      owner: "owner",
      schemas: { rag: {} },
      extensions: { vector: {} },
      grants: { keeper: { database: ["CONNECT"] } },
      vectors: { role: "keeper", indexes, ...vectors },
      ...database,
    },
  },
});

function problemsOf(input: unknown): string {
  try {
    parseStack(input);
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    return error.message;
  }
  return "";
}

describe("vector indexes in the stack file", () => {
  it("are as little as a table, a column and a distance", () =>
    expect(problemsOf(stack({ "rag.idx": index }))).toBe(""));

  it.each<[object, string]>([
    [{ distance: "manhattan" }, `"manhattan" is not allowed`],
    [{ hnsw: { m: 1 } }, "hnsw.m: 1 is not allowed"],
    [{ hnsw: { m: 40 } }, "efConstruction must be at least 2 m"],
    [{ hnsw: {}, ivfflat: { lists: 9 } }, "write either hnsw or ivfflat"],
    [{ precision: "binary", ivfflat: { lists: 9 } }, "precision binary needs hnsw"],
    [{ ivfflat: { lists: 9 }, iterativeScan: "strict_order" }, "ivfflat has no iterativeScan strict_order"],
    [{ recall: { atLeast: 95 } }, "recall.atLeast: 95 is not allowed"],
    [{ recall: {} }, "recall.atLeast"],
    [{ where: "true; DROP TABLE rag.chunks" }, `write one condition without ";" and comments`],
    [{ table: "chunks" }, "write schema.name"],
  ])("cannot be %j", (more, problem) =>
    expect(problemsOf(stack({ "rag.idx": { ...index, ...more } }))).toContain(problem),
  );

  it("fit the rest of the database", () => {
    expect(problemsOf(stack({ "rag.idx": index }, { extensions: {} }))).toContain(
      "vector indexes need the extension vector",
    );
    expect(problemsOf(stack({ "other.idx": index }))).toContain(
      "an index must be in the schema of its table; write rag.idx",
    );
    expect(problemsOf(stack({ idx: index }))).toContain(`vectors.indexes["idx"]`);
    expect(problemsOf(stack({ "rag.a": index, "rag.b": { ...index, hnsw: { m: 8 } } }))).toContain(
      "indexes the same vectors as rag.a",
    );
    const scans = {
      "rag.a": { ...index, iterativeScan: "relaxed_order" },
      "rag.b": { ...index, column: "other", iterativeScan: "strict_order" },
    };
    expect(problemsOf(stack(scans))).toContain("another hnsw index has relaxed_order");
  });

  it("have a job that measures them, where a recall is declared", () => {
    const jobs = (more: object) => {
      const { app } = parseStack(stack({ "rag.idx": { ...index, ...more } })).databases;
      return jobsOf("app", app as NonNullable<typeof app>).map(({ name, role, schedule, command }) => [
        name,
        role,
        schedule,
        command,
      ]);
    };
    expect(jobs({})).toEqual([]);
    expect(jobs({ recall: { atLeast: 0.9 } })).toEqual([
      ["pgwright: recall of app", "keeper", "40 3 * * *", "CALL pgwright.measure_vectors()"],
    ]);
    const measured = { "rag.idx": { ...index, recall: { atLeast: 0.9 } } };
    expect(problemsOf(stack(measured, {}, { role: "owner" }))).toContain(
      `"owner" has login: false, and a job needs a session`,
    );
    expect(problemsOf(stack(measured, {}, { schedule: "nightly" }))).toContain(`vectors.schedule: "nightly"`);
  });
});
