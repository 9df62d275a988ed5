import { keyNotFound, type KeyDescription, type NewKey } from "../access/access-keys.ts";
import { userArn } from "../protocol/arn.ts";
import { authorize, isAllowed, type Need } from "../access/authorization.ts";
import type { KeyAnswer, NewKeyAnswer, OperatorAnswers } from "../../model/operator.ts";
import type { Call } from "../options.ts";

/**
 * The equivalent AWS actions of key management. Policies that omit IAM, as PowerUserAccess does, or deny it, must also
 * omit this: a caller that can create keys can create one without restrictions.
 */
const actions = {
  create: { action: "zeroetl:CreateKey", amountsTo: ["iam:CreateAccessKey", "iam:PutUserPolicy"] },
  list: { action: "zeroetl:ListKeys", amountsTo: ["iam:ListAccessKeys"] },
  rotate: { action: "zeroetl:RotateKey", amountsTo: ["iam:CreateAccessKey"] },
  enable: { action: "zeroetl:EnableKey", amountsTo: ["iam:UpdateAccessKey"] },
  disable: { action: "zeroetl:DisableKey", amountsTo: ["iam:UpdateAccessKey"] },
  delete: { action: "zeroetl:DeleteKey", amountsTo: ["iam:DeleteAccessKey"] },
} as const;

/** On the user. */
export async function createKey(call: Call, user: string, policy: unknown): Promise<NewKeyAnswer> {
  authorize(call, [{ ...actions.create, resource: userArn(call, user) }]);
  return newKeyBody(await call.keys.create(user, policy));
}

/** On all users. */
export async function listKeys(call: Call): Promise<OperatorAnswers["list-keys"]> {
  authorize(call, [{ ...actions.list, resource: userArn(call, "*") }]);
  return { keys: (await call.keys.list()).map(keyBody) };
}

export async function rotateKey(call: Call, id: string): Promise<NewKeyAnswer> {
  await findKey(call, actions.rotate, id);
  return newKeyBody(await call.keys.rotate(id));
}

export async function enableKey(call: Call, id: string): Promise<OperatorAnswers["enable-key"]> {
  await findKey(call, actions.enable, id);
  await call.keys.setEnabled(id, true);
  return {};
}

export async function disableKey(call: Call, id: string): Promise<OperatorAnswers["enable-key"]> {
  await findKey(call, actions.disable, id);
  await call.keys.setEnabled(id, false);
  return {};
}

export async function deleteKey(call: Call, id: string): Promise<OperatorAnswers["enable-key"]> {
  await findKey(call, actions.delete, id);
  await call.keys.delete(id);
  return {};
}

/**
 * Requires the action on the key's user. A caller without that permission gets the same answer as for a missing key.
 */
async function findKey(call: Call, action: Pick<Need, "action" | "amountsTo">, id: string): Promise<void> {
  const found = await call.keys.describe(id);
  if (found !== undefined && isAllowed(call, { ...action, resource: userArn(call, found.user) })) return;
  authorize(call, [{ ...action, resource: userArn(call, "*") }]);
  throw keyNotFound();
}

function keyBody({ id, user, isEnabled, hasPolicy, createdAt }: KeyDescription): KeyAnswer {
  return { id, user, isEnabled, hasPolicy, createdAt: createdAt?.toISOString() ?? null };
}

function newKeyBody({ id, user, secret }: NewKey): NewKeyAnswer {
  return { id, user, secret: secret.reveal() };
}
