import { z } from "zod";

/** A setting: what it is for the documentation, what it may be for people who got it wrong. */
export function setting<T extends z.ZodType>(schema: T, description: string, allowed: string): T {
  return schema.meta({ description, allowed });
}

/** One that can be taken apart, user and password included. */
export const isWebUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  const isWhole = !/%(?![0-9A-Fa-f]{2})/.test(username + password);
  return isWhole && (protocol === "http:" || protocol === "https:");
};

/** A number from 1 on, which a variable of the environment gives as text. */
export const wholeNumber = (most: number) =>
  z.preprocess(
    (value) => (typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value),
    z.int().min(1).max(most),
  );
