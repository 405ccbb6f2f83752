import { z } from "zod";
import type { DrillSpecification } from "./drill";
import { isInBucket, repositoryNumbers, type Options } from "./options";
import { snoozeArguments } from "./schedules";

export interface Dumps {
  /** Number of dumps to keep. */
  keep: number;
  /** Schemas to dump, by database; all databases if empty. */
  databases: Record<string, { schemas: string[] }>;
}
const dumpsSchema: z.ZodType<Dumps> = z.object({
  keep: z.number(),
  databases: z.record(z.string(), z.object({ schemas: z.array(z.string()) })),
});

const inDatabase = { database: z.string() };
const drillSchema: z.ZodType<DrillSpecification> = z.object({
  amcheck: z.boolean(),
  checks: z.array(z.object({ ...inDatabase, query: z.string(), role: z.string().optional() })),
  counts: z.array(z.object({ ...inDatabase, table: z.string() })),
  recalls: z.array(z.object({ ...inDatabase, index: z.string(), atLeast: z.number() })),
});

const configurationSchema = z.object({
  stanza: z.string(),
  repositories: z.array(z.object({ number: z.number(), bucket: z.boolean() })),
  /** Arguments of snooze, by job. */
  schedules: z.record(z.string(), z.array(z.string())),
  /** No drills if absent. */
  drill: drillSchema.optional(),
  /** No dumps if absent. */
  dumps: dumpsSchema.optional(),
});

/** What the scripts of agent and drill need of the stack file: a file of the configuration volume, in JSON. */
export type AgentConfiguration = z.infer<typeof configurationSchema>;

export interface AgentInputs {
  stanza: string;
  /** Options of pgBackRest. */
  options: Options;
  /** Five cron fields, by job. */
  schedules: Record<string, string>;
  drill?: DrillSpecification;
  dumps?: Dumps;
}

export function agentConfiguration({ stanza, options, schedules, drill, dumps }: AgentInputs): AgentConfiguration {
  return {
    stanza,
    repositories: repositoryNumbers(options).map((number) => ({ number, bucket: isInBucket(options, number) })),
    schedules: Object.fromEntries(Object.entries(schedules).map(([job, cron]) => [job, snoozeArguments(cron)])),
    drill,
    dumps,
  };
}

export const renderAgentConfiguration = (inputs: AgentInputs): string =>
  `${JSON.stringify(agentConfiguration(inputs), null, 2)}\n`;

/** Undefined if the text is not such a configuration. */
export function parseAgentConfiguration(text: string): AgentConfiguration | undefined {
  try {
    return configurationSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
