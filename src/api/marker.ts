import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { AwsError } from "../wire/aws-error.ts";

/** What a list request asked for, apart from `MaxRecords` and `Marker`: a marker continues only the list it is from. */
export type ListQuery = readonly (string | readonly string[] | undefined)[];

// 1 byte version, 6 bytes ordinal, 8 bytes of the query's hash, 16 bytes HMAC.
const version = 1;
const bodyBytes = 15;
const macBytes = 16;

/** An opaque marker for the page after the integration with that ordinal. */
export function writeMarker(key: Buffer, ordinal: number, query: ListQuery): string {
  const body = Buffer.alloc(bodyBytes);
  body.writeUInt8(version, 0);
  body.writeUIntBE(ordinal, 1, 6);
  digest(query).copy(body, 7);
  return Buffer.concat([body, mac(key, body)]).toString("base64url");
}

/** The ordinal. Throws `InvalidParameterValue` for anything that `writeMarker` did not write for the same query. */
export function readMarker(key: Buffer, marker: string, query: ListQuery): number {
  const bytes = Buffer.from(marker, "base64url");
  const body = bytes.subarray(0, bodyBytes);
  const isOurs =
    bytes.length === bodyBytes + macBytes &&
    // Decoding skips characters that do not belong: only the text itself is the marker.
    bytes.toString("base64url") === marker &&
    timingSafeEqual(bytes.subarray(bodyBytes), mac(key, body)) &&
    body.readUInt8(0) === version &&
    body.subarray(7).equals(digest(query));
  if (!isOurs)
    throw new AwsError(
      "InvalidParameterValue",
      "The value of the parameter Marker is not valid: use the one of the previous answer, with the same identifier and filters.",
    );
  return body.readUIntBE(1, 6);
}

function digest(query: ListQuery): Buffer {
  const text = JSON.stringify(query.map((part) => part ?? null));
  return createHash("sha256").update(text).digest().subarray(0, 8);
}

function mac(key: Buffer, body: Buffer): Buffer {
  return createHmac("sha256", key).update(body).digest().subarray(0, macBytes);
}
