/** The caller: a user of an account, or an AWS service. */
export type Principal =
  | { readonly kind: "user"; readonly account: string; readonly arn: string }
  /** Such as `redshift.amazonaws.com`. */
  | { readonly kind: "service"; readonly name: string };

/** A principal named in a statement of a resource policy. */
export type PrincipalName =
  /** Includes services. */
  | { readonly kind: "anyone" }
  /** Every user of the account. */
  | { readonly kind: "account"; readonly account: string }
  | { readonly kind: "arn"; readonly arn: string }
  | { readonly kind: "service"; readonly name: string };

/** Whether one of the names matches the principal; without a principal, none does. */
export function includes(names: readonly PrincipalName[], principal: Principal | undefined): boolean {
  return principal !== undefined && names.some((name) => means(name, principal));
}

function means(name: PrincipalName, principal: Principal): boolean {
  switch (name.kind) {
    case "anyone":
      return true;
    case "account":
      return principal.kind === "user" && principal.account === name.account;
    case "arn":
      return principal.kind === "user" && principal.arn === name.arn;
    case "service":
      return principal.kind === "service" && principal.name === name.name;
  }
}

const accountForm = /^(?:arn:aws[a-z-]*:iam::(\d{12}):root|(\d{12}))$/;
/** Users, and principals that do not exist here but may occur in a document that comes from AWS. */
const arnForm =
  /^arn:aws[a-z-]*:(?:iam|sts)::\d{12}:(?:user|role|assumed-role|federated-user)\/[\w+=,.@/-]+$/;

/** Parses a value under `AWS` of a `Principal`; undefined if it names no principal. */
export function parseAwsPrincipal(text: string): PrincipalName | undefined {
  if (text === "*") return { kind: "anyone" };
  const [, rootOf, account = rootOf] = accountForm.exec(text) ?? [];
  if (account !== undefined) return { kind: "account", account };
  return arnForm.test(text) ? { kind: "arn", arn: text } : undefined;
}

/** Parses a value under `Service` of a `Principal`; undefined if it is not the name of a service. */
export function parseServicePrincipal(text: string): PrincipalName | undefined {
  return /^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?$/.test(text)
    ? { kind: "service", name: text }
    : undefined;
}
