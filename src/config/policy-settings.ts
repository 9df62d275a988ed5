import { resolve } from "node:path";
import { CodedError } from "../base/errors.ts";
import { MissingFile, readConfigFile, type SettingPath } from "./config-file.ts";
import { InvalidPolicy, parsePolicy } from "../model/policy/document.ts";
import type { Policy } from "../model/policy/policy.ts";

type Refuse = (path: SettingPath, sentence: string) => never;

/** Parses the policies of the configured keys, in order. */
export async function readPolicies(
  credentials: readonly { readonly policy?: unknown }[],
  base: string,
  refuse: Refuse,
): Promise<(Policy | undefined)[]> {
  return Promise.all(
    credentials.map(async ({ policy }, index) => {
      const at = ["credentials", index, "policy"];
      if (policy === undefined) return undefined;
      if (typeof policy === "string") {
        return readPolicyFile(resolve(base, policy)).catch((error: unknown) => {
          if (error instanceof MissingFile)
            return refuse(at, `credentials[${index}].policy: ${error.message}`);
          throw error;
        });
      }
      return policyOf(policy, (path, sentence) =>
        refuse([...at, ...path], `credentials[${index}].policy: ${sentence}`),
      );
    }),
  );
}

async function readPolicyFile(path: string): Promise<Policy> {
  const file = await readConfigFile(path, "policy");
  return policyOf(file.values(), (at, sentence) => file.refuse(at, sentence));
}

/** Reads a policy document from a JSON or YAML file. Throws `CodedError` with the file and the line. */
export async function readPolicyDocument(path: string): Promise<unknown> {
  const file = await readConfigFile(path, "policy");
  policyOf(file.values(), (at, sentence) => {
    throw new CodedError("INVALID_POLICY", `${file.where(at)}: ${sentence}`);
  });
  return file.values();
}

function policyOf(document: unknown, refuse: Refuse): Policy {
  try {
    return parsePolicy(document);
  } catch (error) {
    if (error instanceof InvalidPolicy) return refuse(error.path, error.message);
    throw error;
  }
}
