import type { Session } from "../connection/session.ts";
import { sqlStateOf } from "../connection/source-error.ts";

const lockNotAvailable = "55P03";

/** The result of `read`; undefined if it would have to wait for another session's lock for more than a second. */
export async function unlessLocked<T>(session: Session, read: () => Promise<T>): Promise<T | undefined> {
  await session.run("SET lock_timeout = '1s'");
  try {
    return await read();
  } catch (error) {
    if (sqlStateOf(error) !== lockNotAvailable) throw error;
    return undefined;
  } finally {
    await session.run("RESET lock_timeout");
  }
}
