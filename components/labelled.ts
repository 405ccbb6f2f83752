import * as pulumi from "@pulumi/pulumi";
import type { Labels } from "../provider/ephemeral-labels";

const DOCKER = ["docker:index/container:Container", "docker:index/network:Network", "docker:index/volume:Volume"];
const CLUSTER = "pgwright:index:Cluster";

/**
 * Adds labels to every Docker object of a component. The engine cannot change labels of existing objects, so Docker's plugin would
 * replace the objects. Therefore it ignores changes of labels, and Cluster, which owns the data, refuses them.
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

/** Makes all Docker objects depend on a resource, so that an error of this resource stops an update before its first change. */
export function after(first: () => pulumi.Resource): pulumi.ResourceTransformation {
  return ({ type, props, opts }) => {
    if (type !== CLUSTER && !DOCKER.includes(type)) return undefined;
    return { props, opts: pulumi.mergeOptions(opts, { dependsOn: [first()] }) };
  };
}
