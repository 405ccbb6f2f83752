import * as pulumi from "@pulumi/pulumi";
import { checkedObjectName, quoteObjectName } from "../config/object-name";
import { longestPause } from "../config/schedule";
import type { VectorIndexConfig, VectorsConfig } from "../config/vectors";
import type { VectorIndexInputs } from "../provider/kinds/vector-index/inputs";
import { Library, VectorIndex, type Provider } from "../provider/resources";
import { DEFAULT_EF_CONSTRUCTION, DEFAULT_M } from "../tuning/vector-index";

export interface VectorsArgs extends VectorsConfig {
  database: string;
  pgwright: Provider;
}

/** Tolerated delay of the job, days. */
const TOLERANCE = 2;

/** Inputs of the resource of a vector index. `index`: schema.name as in the stack file. */
export function wantedVectorIndex(
  database: string,
  index: string,
  config: VectorIndexConfig,
  { schedule, role }: Pick<VectorsConfig, "schedule" | "role">,
): Omit<VectorIndexInputs, "problems"> {
  const { table, column, distance, precision, where, hnsw, ivfflat, iterativeScan, recall } = config;
  const { m, efConstruction } = hnsw ?? { m: DEFAULT_M, efConstruction: DEFAULT_EF_CONSTRUCTION };
  const from = recall?.from;
  return {
    database,
    ...checkedObjectName(index),
    definition: {
      table: quoteObjectName(checkedObjectName(table)),
      column,
      distance,
      precision,
      where,
      ...(ivfflat ? { ivfflat: { lists: ivfflat.lists } } : { hnsw: { m, efConstruction } }),
    },
    iterativeScan: iterativeScan === "off" ? undefined : iterativeScan,
    search: hnsw?.efSearch ?? ivfflat?.probes,
    recall: recall && {
      ...recall,
      days: longestPause(schedule) + TOLERANCE,
      from: from && { ...from, table: quoteObjectName(checkedObjectName(from.table)) },
    },
    measuredBy: role,
  };
}

/** The vector indexes of a database and the library that measures them; Jobs declares the job that calls it. */
export class Vectors extends pulumi.ComponentResource {
  public readonly ready: pulumi.Resource[] = [];

  constructor(name: string, args: VectorsArgs, opts?: pulumi.ComponentResourceOptions) {
    super("pgwright:components:Vectors", name, {}, opts);
    const inDatabase = { parent: this, provider: args.pgwright };
    const { database } = args;
    const library = new Library(`${name}-vectors`, { database, library: "vectors" }, inDatabase);
    const indexes = Object.entries(args.indexes).map(
      ([index, config]) =>
        new VectorIndex(`${name}.${index}`, wantedVectorIndex(database, index, config, args), {
          ...inDatabase,
          dependsOn: [library],
        }),
    );
    this.ready.push(library, ...indexes);
    this.registerOutputs({});
  }
}
