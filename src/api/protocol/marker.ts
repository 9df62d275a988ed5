import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { AwsError } from "../../wire/aws/error.ts";

/**
 * The action and its parameters, except `MaxRecords` and `Marker`: a marker is valid only for the list that it came
 * from.
 */
export type ListQuery = readonly (string | readonly string[] | undefined)[];

// 1 byte version, 8 bytes of the query's hash, the place, 16 bytes HMAC.
const version = 2;
const headBytes = 9;
const macBytes = 16;

/** An opaque marker for the page after the record with that place: at most 200 bytes, such as an ordinal or a name. */
export function writeMarker(key: Buffer, place: string, query: ListQuery): string {
  const body = Buffer.concat([Buffer.of(version), digest(query), Buffer.from(place)]);
  return Buffer.concat([body, mac(key, body)]).toString("base64url");
}

/**
 * Returns the place. Throws `InvalidParameterValue` for anything that `writeMarker` did not write for the same query.
 */
export function readMarker(key: Buffer, marker: string, query: ListQuery): string {
  const bytes = Buffer.from(marker, "base64url");
  const body = bytes.subarray(0, Math.max(bytes.length - macBytes, 0));
  const isOurs =
    body.length >= headBytes &&
    // Decoding skips invalid characters: only the exact text is the marker.
    bytes.toString("base64url") === marker &&
    timingSafeEqual(bytes.subarray(body.length), mac(key, body)) &&
    body.readUInt8(0) === version &&
    body.subarray(1, headBytes).equals(digest(query));
  if (!isOurs)
    throw new AwsError(
      "InvalidParameterValue",
      "The marker of the page is not valid: use the one of the previous answer, with the same action, identifier and filters.",
    );
  return body.toString("utf8", headBytes);
}

function digest(query: ListQuery): Buffer {
  const text = JSON.stringify(query.map((part) => part ?? null));
  return createHash("sha256").update(text).digest().subarray(0, 8);
}

function mac(key: Buffer, body: Buffer): Buffer {
  return createHmac("sha256", key).update(body).digest().subarray(0, macBytes);
}
