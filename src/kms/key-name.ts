import type { Home } from "../model/resources.ts";
import { KeyNotAccessible } from "./key-store.ts";

/** The key that a `KMSKeyId` names, without account and region. */
export type KeyName =
  | { readonly kind: "id"; readonly id: string }
  | { readonly kind: "alias"; readonly alias: string };

/** Longer names belong to no key, as at AWS. */
const charactersMax = 2_048;
const arnForm =
  /^arn:aws[a-z-]*:kms:([a-z0-9-]*):([0-9]*):(?:key\/([A-Za-z0-9-]+)|(alias\/[A-Za-z0-9/_-]+))$/;
const idForm = /^[A-Za-z0-9-]{1,128}$/;
const aliasForm = /^alias\/[A-Za-z0-9/_-]{1,250}$/;

export function keyArn({ account, region }: Home, id: string): string {
  return `arn:aws:kms:${region}:${account}:key/${id}`;
}

/** The id of the key for callers that name none: the service's own. */
export const defaultKeyId = "00000000-0000-4000-8000-000000000000";

/**
 * Parses a key id, an alias, or the ARN of either. Throws `KeyNotAccessible` for anything else, and for an ARN of
 * another account or region.
 */
export function parseKeyName(home: Home, text: string): KeyName {
  if (text.length <= charactersMax && idForm.test(text)) return { kind: "id", id: text };
  if (text.length <= charactersMax && aliasForm.test(text)) return { kind: "alias", alias: text };
  const [matched, region, account, id, alias = ""] = arnForm.exec(text.slice(0, charactersMax + 1)) ?? [];
  if (matched === undefined)
    throw new KeyNotAccessible("It is neither a key's id or alias nor the ARN of one.");
  if (region !== home.region || account !== home.account)
    throw new KeyNotAccessible(`It is not of account ${home.account} and region ${home.region}.`);
  return id === undefined ? { kind: "alias", alias } : { kind: "id", id };
}
