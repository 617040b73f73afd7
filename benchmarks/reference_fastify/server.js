// The same job on Node: fastify, undici and ioredis. Arguments: port, number of processes.
import cluster from "node:cluster";
import { createHash } from "node:crypto";
import Fastify from "fastify";
import { Redis } from "ioredis";
import { Pool } from "undici";

const LIFE_SECONDS = 14 * 86400;
const HEADERS = {
  SecureURL: "https://shop.example",
  PrivateKey: "0".repeat(32),
  Token: "1".repeat(32),
  Accept: "application/json",
  "Content-Type": "application/json",
};

const [port, workers] = process.argv.slice(2).map(Number);

if (cluster.isPrimary) {
  for (let count = 0; count < workers; count += 1) cluster.fork();
  process.on("SIGTERM", () => process.exit(0));
} else {
  await serve();
}

async function serve() {
  const sessions = new Redis(process.env.BENCH_REDIS_URL);
  const address = new URL(process.env.BENCH_STORE_URL);
  const store = new Pool(address.origin, { connections: 1000 });

  const call = async (method, path, body) => {
    const payload = body && JSON.stringify(body);
    const answer = await store.request({ method, path: address.pathname + path, headers: HEADERS, body: payload });
    if (answer.statusCode >= 400) throw new Error(`the store answered ${answer.statusCode}`);
    return answer.body.json();
  };
  const load = async (key) => JSON.parse(await sessions.get(key)) ?? { orderKey: null, cart: { items: [] } };

  const app = Fastify();
  app.get("/readyz", async () => "ok");
  app.get("/v1/stores/:store/cart", async (request) => (await load(sessionKey(request))).cart);
  app.post("/v1/stores/:store/cart/items", async (request, reply) => {
    const key = sessionKey(request);
    const session = await load(key);
    session.orderKey ??= (await call("POST", "/Cart", {}))[0].Value;
    const path = `/Cart/${session.orderKey}`;
    const { catalog_id, quantity } = request.body;
    await call("POST", `${path}/Item`, { CatalogID: catalog_id, ItemQuantity: quantity ?? 1 });
    session.cart = readCart(await call("GET", path));
    await sessions.set(key, JSON.stringify(session), "EX", LIFE_SECONDS);
    reply.code(201);
    return session.cart;
  });
  await app.listen({ port, host: "127.0.0.1", backlog: 2048 });
}

function sessionKey(request) {
  return "session:" + createHash("sha256").update(request.headers.authorization).digest("hex");
}

function readCart([cart]) {
  const items = (cart.CartItemList ?? []).map((line) => ({
    item_id: String(line.CartItemID),
    catalog_id: line.CatalogID,
    sku: line.ItemID,
    name: line.ItemDescription,
    quantity: line.ItemQuantity,
    unit_price: line.ItemUnitPrice.toFixed(2),
    line_total: (line.ItemUnitPrice * line.ItemQuantity).toFixed(2),
    image_url: line.ItemImage1,
  }));
  const subtotal = items.reduce((sum, item) => sum + Number(item.line_total), 0).toFixed(2);
  return { items, subtotal, currency: "USD", checkout_url: cart.CheckoutURL };
}
