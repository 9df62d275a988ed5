import { getCallerIdentity } from "./get-caller-identity.ts";

/** The Security Token Service. */
export const sts = {
  version: "2011-06-15",
  namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
  actions: [getCallerIdentity],
} as const;
