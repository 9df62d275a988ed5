import { expect, test } from "vitest";
import { bodyBytesMax, RequestBodies } from "./request-body.ts";

function request(body: ReadableStream<Uint8Array>): Request {
  return new Request("http://127.0.0.1/", { method: "POST", body, duplex: "half" });
}

test("a client that hangs up in the middle of its body is no failure of the service", async () => {
  const chunks = [Buffer.from("Action=")];
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const chunk = chunks.pop();
      if (chunk === undefined) controller.error(new Error("aborted"));
      else controller.enqueue(chunk);
    },
  });
  await expect(new RequestBodies().read(request(body))).rejects.toMatchObject({
    code: "ValidationError",
    status: 400,
  });
});

test("a body that does not end is read no further than its limit", async () => {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(new Uint8Array(65_536));
      sent += 65_536;
    },
  });
  await expect(new RequestBodies().read(request(body))).rejects.toMatchObject({
    code: "RequestEntityTooLarge",
  });
  expect(sent).toBeLessThan(bodyBytesMax + 5 * 65_536);
});

test("bodies together are bounded, a short one is read whatever the others hold, and all is given back", async () => {
  const bodies = new RequestBodies();
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => (end = resolve));
  const slow = Array.from({ length: 40 }, () => {
    const chunks = [new Uint8Array(bodyBytesMax - 1)];
    return bodies.read(
      request(
        new ReadableStream<Uint8Array>({
          async pull(controller) {
            const chunk = chunks.pop();
            if (chunk !== undefined) return controller.enqueue(chunk);
            await ended;
            controller.close();
          },
        }),
      ),
    );
  });
  const refused = await Promise.race(slow.map((read) => read.then(String, (error: unknown) => error)));
  expect(refused).toMatchObject({ code: "ServiceUnavailable", status: 503 });
  const short = new Blob(["Action=DescribeIntegrations"]).stream();
  expect(await bodies.read(request(short))).toHaveLength(27);
  end();
  const read = (await Promise.allSettled(slow)).filter(({ status }) => status === "fulfilled");
  expect(read.length).toBeGreaterThanOrEqual(16);
  expect(read.length).toBeLessThan(20);
  expect(await bodies.read(request(new Blob([new Uint8Array(bodyBytesMax)]).stream()))).toHaveLength(
    bodyBytesMax,
  );
});
