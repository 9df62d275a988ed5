import { getNamespace } from "./get-namespace.ts";
import { getWorkgroup } from "./get-workgroup.ts";
import { listNamespaces } from "./list-namespaces.ts";
import { listWorkgroups } from "./list-workgroups.ts";

/** Redshift Serverless, API version 2021-04-21. */
export const serverless = {
  targetPrefix: "RedshiftServerless",
  actions: [listNamespaces, getNamespace, listWorkgroups, getWorkgroup],
} as const;
