import { declare } from "../../declaration";

export interface PresenceInputs {
  what: "container" | "image";
  /** Name of the container, or name and tag of the image. */
  object: string;
  /** Always true: the object should exist. */
  present: boolean;
  /** Starts a stopped container, for containers without another resource that does so. */
  running?: boolean;
  /** Address and port on this machine at which the container is published; undefined on a remote engine. */
  publishes?: { address: string; port: number };
}

export interface PresenceState extends PresenceInputs {
  /** Number of creations of the object: a change triggers the resource that creates it. */
  generation: number;
}

export const declaration = declare<PresenceInputs, PresenceState>()({
  type: "Presence",
  outputs: ["generation"],
  wanted: { present: () => true },
});
