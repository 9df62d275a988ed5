/** Who asks: a user of an account, or a service of AWS's. */
export type Principal =
  | { readonly kind: "user"; readonly account: string; readonly arn: string }
  /** Such as `redshift.amazonaws.com`. */
  | { readonly kind: "service"; readonly name: string };

/** Whom a statement of a resource's policy is about. */
export type PrincipalName =
  /** Services included. */
  | { readonly kind: "anyone" }
  /** Every user of it. */
  | { readonly kind: "account"; readonly account: string }
  | { readonly kind: "arn"; readonly arn: string }
  | { readonly kind: "service"; readonly name: string };

/** Whether one of the names means the principal; nobody is meant where nobody asks. */
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
/** Users, and what is nobody here but may stand in a document that comes from AWS. */
const arnForm =
  /^arn:aws[a-z-]*:(?:iam|sts)::\d{12}:(?:user|role|assumed-role|federated-user)\/[\w+=,.@/-]+$/;

/** What stands under `AWS` of a `Principal`; undefined for what names nobody. */
export function parseAwsPrincipal(text: string): PrincipalName | undefined {
  if (text === "*") return { kind: "anyone" };
  const [, rootOf, account = rootOf] = accountForm.exec(text) ?? [];
  if (account !== undefined) return { kind: "account", account };
  return arnForm.test(text) ? { kind: "arn", arn: text } : undefined;
}

/** What stands under `Service` of a `Principal`; undefined for what is no service's name. */
export function parseServicePrincipal(text: string): PrincipalName | undefined {
  return /^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.amazonaws\.com(?:\.cn)?$/.test(text)
    ? { kind: "service", name: text }
    : undefined;
}
