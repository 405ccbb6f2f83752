import * as pulumi from "@pulumi/pulumi";
import type { Labels } from "../provider/ephemeral-labels";

const DOCKER = ["docker:index/container:Container", "docker:index/network:Network", "docker:index/volume:Volume"];
const CLUSTER = "pgwright:index:Cluster";

/**
 * Puts labels on every Docker object below a component. The engine changes none on what is there: Docker's plugin would make a
 * new object, so it is told to leave them; Cluster, which owns the data, refuses others in words.
 */
export function labelled(labels: Labels | undefined): pulumi.ResourceTransformation {
  const list = labels && Object.entries(labels).map(([label, value]) => ({ label, value }));
  return ({ type, props, opts }) => {
    if (type === CLUSTER) return { props: { ...props, labels }, opts };
    if (!DOCKER.includes(type)) return undefined;
    const ignored = [...new Set([...((opts as pulumi.CustomResourceOptions).ignoreChanges ?? []), "labels"])];
    return { props: { ...props, labels: list }, opts: { ...opts, ignoreChanges: ignored } };
  };
}

/** Has all that touches the engine wait for a resource: what that refuses stops an update before its first change. */
export function after(first: () => pulumi.Resource): pulumi.ResourceTransformation {
  return ({ type, props, opts }) => {
    if (type !== CLUSTER && !DOCKER.includes(type)) return undefined;
    return { props, opts: pulumi.mergeOptions(opts, { dependsOn: [first()] }) };
  };
}
