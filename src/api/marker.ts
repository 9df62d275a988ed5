import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { present } from "../base/assert.ts";
import { AwsError } from "../wire/aws-error.ts";

/** What a list request asked for, apart from `MaxRecords` and `Marker`: a marker continues only the list it is from. */
export type ListQuery = readonly (string | readonly string[] | undefined)[];

// 1 byte version, 6 bytes for each number, 8 bytes of the query's hash, 16 bytes HMAC.
const version = 1;
const numberBytes = 6;
const digestBytes = 8;
const macBytes = 16;

/** An opaque marker for the page after the integration with that ordinal. */
export function writeMarker(key: Buffer, ordinal: number, query: ListQuery): string {
  return sealMarker(key, [ordinal], query);
}

/** The ordinal. Throws `InvalidParameterValue` for anything that `writeMarker` did not write for the same query. */
export function readMarker(key: Buffer, marker: string, query: ListQuery): number {
  const [ordinal] = openMarker(key, marker, query);
  return present(ordinal, "a list's markers have as many numbers as it writes");
}

/** As `writeMarker`, for a place that takes several numbers to tell; whole ones below 2^48. */
export function sealMarker(key: Buffer, numbers: readonly number[], query: ListQuery): string {
  const places = Buffer.alloc(numbers.length * numberBytes);
  for (const [index, number] of numbers.entries())
    places.writeUIntBE(number, index * numberBytes, numberBytes);
  const body = Buffer.concat([Buffer.of(version), places, digest(query)]);
  return Buffer.concat([body, mac(key, body)]).toString("base64url");
}

/** The numbers. Throws `InvalidParameterValue` for anything that `sealMarker` did not write for the same query. */
export function openMarker(key: Buffer, marker: string, query: ListQuery): number[] {
  const bytes = Buffer.from(marker, "base64url");
  const body = bytes.subarray(0, -macBytes);
  const isOurs =
    bytes.length >= 1 + digestBytes + macBytes &&
    // Decoding skips characters that do not belong: only the text itself is the marker.
    bytes.toString("base64url") === marker &&
    timingSafeEqual(bytes.subarray(-macBytes), mac(key, body)) &&
    body.readUInt8(0) === version &&
    body.subarray(-digestBytes).equals(digest(query));
  if (!isOurs)
    throw new AwsError(
      "InvalidParameterValue",
      "The value of the parameter Marker is not valid: use the one of the previous answer, with the same identifier and filters.",
    );
  const places = body.subarray(1, -digestBytes);
  return Array.from({ length: places.length / numberBytes }, (_, index) =>
    places.readUIntBE(index * numberBytes, numberBytes),
  );
}

function digest(query: ListQuery): Buffer {
  const text = JSON.stringify(query.map((part) => part ?? null));
  return createHash("sha256").update(text).digest().subarray(0, digestBytes);
}

function mac(key: Buffer, body: Buffer): Buffer {
  return createHmac("sha256", key).update(body).digest().subarray(0, macBytes);
}
