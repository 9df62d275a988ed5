import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { Secret } from "../../base/secret.ts";
import { AwsError } from "./error.ts";
import { parseForm, type FormParameter } from "./form.ts";

/** A request as received, before decoding, without its body. */
export interface RequestHead {
  readonly method: string;
  /** As sent, percent-encoded. */
  readonly path: string;
  /** As sent, without the question mark. */
  readonly query: string;
  /** Undefined if absent; multiple values are joined by commas. */
  readonly header: (name: string) => string | undefined;
  readonly headerNames: readonly string[];
}

export interface SignedRequest extends RequestHead {
  readonly body: Uint8Array;
}

export interface SigningKey {
  readonly secret: Secret;
}

export interface SigV4Policy<Key extends SigningKey> {
  readonly region: string;
  /** Service names that a scope may contain here. */
  readonly services: readonly string[];
  /**
   * Service names that a scope may contain in any protocol of the endpoint; a scope of any other service gets a list of
   * them.
   */
  readonly served?: readonly string[];
  readonly now: Date;
  /**
   * Called only for requests with a valid time and scope, and for ids of letters, digits and `_`; returns undefined for
   * a key that does not exist.
   */
  readonly keyOf: (accessKeyId: string) => Promise<Key | undefined>;
}

/** The signer, and the service that the request was signed for. */
export interface Signer<Key> {
  readonly key: Key;
  readonly service: string;
  readonly body: Uint8Array;
}

/** Maximum clock skew of a client, as at AWS. Every service but S3 applies it to presigned URLs as well. */
const clockSkewMsMax = 15 * 60_000;

/**
 * Verifies a Signature Version 4 (AWS General Reference, "Create a signed AWS API request"), in the Authorization
 * header or in the query string (presigned). The body is read only after all other checks have passed. Its hash is
 * always computed, so `UNSIGNED-PAYLOAD` fails. Throws what `readBody` throws, and `AwsError`:
 *
 * | what | code |
 * |---|---|
 * | no signature | MissingAuthenticationToken |
 * | a part of it is missing or malformed | IncompleteSignature |
 * | unknown access key, or a session token (keys here have none) | InvalidClientTokenId |
 * | a service that this endpoint does not serve | InvalidAction |
 * | older or newer than 15 minutes, wrong date, region or service in the scope, wrong signature, tampered request | SignatureDoesNotMatch |
 *
 * Query services reply to a stale date with `SignatureDoesNotMatch` and the two times, and so does this. A presigned
 * URL is valid for the same 15 minutes: only S3 evaluates `X-Amz-Expires`.
 */
export async function verifySigV4<Key extends SigningKey>(
  request: RequestHead,
  readBody: () => Promise<Uint8Array>,
  policy: SigV4Policy<Key>,
): Promise<Signer<Key>> {
  const parameters = parseForm(request.query);
  const claim = claimOf(request, parameters);
  checkTime(claim, policy.now);
  const [date = "", region = "", service = ""] = claim.scope;
  checkScope({ date, region, service, claim }, policy);
  const key = accessKeyId.test(claim.accessKeyId) ? await policy.keyOf(claim.accessKeyId) : undefined;
  if (key === undefined)
    throw new AwsError("InvalidClientTokenId", "The security token included in the request is invalid.");
  if (claim.hasSessionToken)
    throw new AwsError(
      "InvalidClientTokenId",
      "The security token included in the request is invalid: the access keys of this service take no session token.",
    );
  const body = await readBody();
  const canonical = canonicalRequest({ ...request, body }, parameters, claim.signedHeaders);
  const wanted = sign(key.secret, claim, canonical);
  if (!timingSafeEqual(wanted, Buffer.from(claim.signature, "hex")))
    throw mismatch(
      "The request signature we calculated does not match the signature you provided. " +
        "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
    );
  return { key, service, body };
}

/** The service in the scope of a request's signature, not yet verified. */
export function claimedService({ header, query }: RequestHead): string | undefined {
  const authorization = header("authorization");
  const credential =
    authorization === undefined
      ? parseForm(query).find(({ name }) => name === "X-Amz-Credential")?.value
      : /Credential=([^,\s]*)/.exec(authorization)?.[1];
  const [, , , service, terminator] = credential?.split("/") ?? [];
  return terminator === "aws4_request" ? service : undefined;
}

/** What a request claims about its signature; well-formed, not yet verified. */
interface Claim {
  readonly accessKeyId: string;
  /** Date, region, service, `aws4_request`. */
  readonly scope: readonly string[];
  readonly signedHeaders: readonly string[];
  /** 64 hexadecimal digits. */
  readonly signature: string;
  /** Such as 20260131T120000Z. */
  readonly timestamp: string;
  readonly time: Date;
  readonly hasSessionToken: boolean;
}

const algorithm = "AWS4-HMAC-SHA256";
/** The form of valid ids: nothing else is looked up, and some of it could not even be queried. */
const accessKeyId = /^\w{1,128}$/;
/** A name that a header can have, RFC 9110. */
const headerName = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function claimOf(request: RequestHead, parameters: readonly FormParameter[]): Claim {
  const authorization = request.header("authorization");
  if (authorization !== undefined) return headerClaim(request, authorization);
  if (parameters.some(({ name }) => name === "X-Amz-Algorithm")) return queryClaim(request, parameters);
  throw new AwsError("MissingAuthenticationToken", "Request is missing Authentication Token");
}

function headerClaim(request: RequestHead, authorization: string): Claim {
  const space = authorization.indexOf(" ");
  if (space < 0 || authorization.slice(0, space) !== algorithm)
    throw incomplete(`The Authorization header must begin with '${algorithm}'.`);
  const fields = authorization.slice(space + 1).split(",", 16);
  const parts = new Map(
    fields.map((field) => {
      const equals = field.indexOf("=");
      return [field.slice(0, Math.max(equals, 0)).trim(), field.slice(equals + 1).trim()] as const;
    }),
  );
  for (const name of ["Credential", "Signature", "SignedHeaders"])
    if (!parts.get(name)) throw incomplete(`Authorization header requires '${name}' parameter.`);
  const date = request.header("x-amz-date") ?? isoDate(request.header("date"));
  if (date === undefined)
    throw incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
  return parseClaim(request, {
    credential: parts.get("Credential") ?? "",
    signature: parts.get("Signature") ?? "",
    signedHeaders: parts.get("SignedHeaders") ?? "",
    timestamp: date,
    hasSessionToken: request.header("x-amz-security-token") !== undefined,
  });
}

function queryClaim(request: RequestHead, parameters: readonly FormParameter[]): Claim {
  const values = new Map(parameters.map(({ name, value }) => [name, value]));
  const get = (name: string): string => {
    const value = values.get(name);
    if (!value) throw incomplete(`AWS query-string parameters must include '${name}'.`);
    return value;
  };
  if (get("X-Amz-Algorithm") !== algorithm) throw incomplete(`'X-Amz-Algorithm' must be '${algorithm}'.`);
  return parseClaim(request, {
    credential: get("X-Amz-Credential"),
    signature: get("X-Amz-Signature"),
    signedHeaders: get("X-Amz-SignedHeaders"),
    timestamp: get("X-Amz-Date"),
    hasSessionToken: values.has("X-Amz-Security-Token"),
  });
}

interface RawClaim {
  readonly credential: string;
  readonly signature: string;
  readonly signedHeaders: string;
  readonly timestamp: string;
  readonly hasSessionToken: boolean;
}

function parseClaim(request: RequestHead, raw: RawClaim): Claim {
  const [accessKeyId = "", ...scope] = raw.credential.split("/");
  if (accessKeyId === "" || scope.length !== 4 || scope[3] !== "aws4_request")
    throw incomplete("Credential must have the form KEY/DATE/REGION/SERVICE/aws4_request.");
  if (!/^[0-9a-f]{64}$/.test(raw.signature))
    throw mismatch("The signature must have 64 lower-case hexadecimal digits.");
  const signedHeaders = raw.signedHeaders.split(";");
  if (!signedHeaders.every((name) => headerName.test(name)))
    throw incomplete("SignedHeaders must be names of headers, separated by semicolons.");
  const unsigned = request.headerNames
    .map((name) => name.toLowerCase())
    .filter((name) => name === "host" || name.startsWith("x-amz-"))
    .find((name) => !signedHeaders.includes(name));
  if (unsigned !== undefined || !signedHeaders.includes("host"))
    throw mismatch(`'${unsigned ?? "host"}' must be a 'SignedHeader' in the AWS Authorization.`);
  return {
    accessKeyId,
    scope,
    signedHeaders,
    signature: raw.signature,
    timestamp: raw.timestamp,
    time: parseTimestamp(raw.timestamp),
    hasSessionToken: raw.hasSessionToken,
  };
}

function parseTimestamp(text: string): Date {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  const [, year, month, day, hour, minute, second] = parts ?? [];
  const time = new Date(parts === null ? Number.NaN : `${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(time.getTime()))
    throw incomplete("Date must be in ISO-8601 'basic format', such as 20260131T120000Z.");
  return time;
}

function isoDate(header: string | undefined): string | undefined {
  const time = new Date(header ?? Number.NaN);
  return Number.isNaN(time.getTime()) ? undefined : basicFormat(time);
}

function basicFormat(time: Date): string {
  return time.toISOString().replaceAll(/[-:]|\.\d{3}/g, "");
}

function checkTime({ time, timestamp }: Claim, now: Date): void {
  const age = now.getTime() - time.getTime();
  const here = basicFormat(now);
  if (-age > clockSkewMsMax) {
    const latest = basicFormat(new Date(now.getTime() + clockSkewMsMax));
    throw mismatch(
      `Signature not yet current: ${timestamp} is still later than ${latest} (${here} + 15 min.)`,
    );
  }
  if (age > clockSkewMsMax) {
    const earliest = basicFormat(new Date(now.getTime() - clockSkewMsMax));
    throw mismatch(`Signature expired: ${timestamp} is now earlier than ${earliest} (${here} - 15 min.)`);
  }
}

interface Scope {
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly claim: Claim;
}

function checkScope(
  { date, region, service, claim }: Scope,
  policy: Pick<SigV4Policy<never>, "region" | "services" | "served">,
): void {
  if (date !== claim.timestamp.slice(0, 8))
    throw mismatch(
      "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.",
    );
  if (region !== policy.region)
    throw mismatch(`Credential should be scoped to a valid region: '${policy.region}'.`);
  if (policy.services.includes(service)) return;
  if (policy.served?.includes(service) === false)
    throw new AwsError(
      "InvalidAction",
      `This endpoint does not serve ${JSON.stringify(service.slice(0, 64))}. It serves ${policy.served.join(", ")}.`,
    );
  throw mismatch(
    `Credential should be scoped to correct service: ${policy.services.map((name) => `'${name}'`).join(" or ")}.`,
  );
}

function canonicalRequest(
  request: SignedRequest,
  parameters: readonly FormParameter[],
  signedHeaders: readonly string[],
): string {
  const headers = signedHeaders.map((name) => {
    const value = request.header(name) ?? "";
    return `${name}:${value.trim().replaceAll(/ +/g, " ")}\n`;
  });
  const query = parameters
    .filter(({ name }) => name !== "X-Amz-Signature")
    .map(({ name, value }) => `${uriEncode(name)}=${uriEncode(value)}`);
  return [
    request.method,
    // Every service but S3 encodes the already encoded path a second time.
    request.path.split("/").map(uriEncode).join("/"),
    sorted(query).join("&"),
    headers.join(""),
    signedHeaders.join(";"),
    createHash("sha256").update(request.body).digest("hex"),
  ].join("\n");
}

// By name, then by value, in the order of the encoded bytes: `=` would sort between them, so the parts are compared
// separately.
function sorted(pairs: readonly string[]): string[] {
  const key = (pair: string): string => pair.replace("=", "\0");
  return pairs.toSorted((a, b) => (key(a) < key(b) ? -1 : Number(key(a) > key(b))));
}

function uriEncode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function sign(secret: Secret, claim: Claim, canonical: string): Buffer {
  const start = `AWS4${secret.reveal()}`;
  const key = claim.scope.reduce<string | Buffer>((previous, part) => hmac(previous, part), start);
  const digest = createHash("sha256").update(canonical).digest("hex");
  return hmac(key, [algorithm, claim.timestamp, claim.scope.join("/"), digest].join("\n"));
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function incomplete(message: string): AwsError {
  return new AwsError("IncompleteSignature", message);
}

function mismatch(message: string): AwsError {
  return new AwsError("SignatureDoesNotMatch", message);
}
