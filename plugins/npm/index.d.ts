/**
 * The types of the cartproxy widget: its elements, its events, and `window.cartproxy`.
 * Where the script comes from a tag instead of this package, `import type {} from "cartproxy-widget"`
 * makes the global ones known.
 */

/** Money as a decimal string, such as "9.99": the store's own figure. */
export type Money = string;
/** Money; a number while it is an estimate of the browser's. */
export type Figure = Money | number;

export interface LoadOptions {
  /** The address of the cartproxy service, such as `https://cart.example.com`. */
  service: string;
  /** The store's id at the service. */
  store: string;
  /** Language of the texts; else the page's, else the browser's. */
  lang?: string | undefined;
  /** Adds nothing while the store's price differs from the button's `shown-price`. */
  priceCheck?: "block" | undefined;
  /** Hands `utm_*`, `_gl` and `gclid` of the page's address on to the checkout. */
  campaign?: boolean | undefined;
  /** Texts of your own. */
  texts?: { [Key in TextKey]?: string } | undefined;
  /** Of the page's Content-Security-Policy, for the parts that the service gives. */
  nonce?: string | undefined;
}

/**
 * Starts the widget, in a browser: defines its elements and sets `window.cartproxy`.
 * Importing alone does nothing. A second call gives the same widget. Rejects where the widget can't
 * be loaded, or for a second store: a page has one.
 */
export function loadCartproxy(options: LoadOptions): Promise<Cartproxy>;

export interface Cartproxy {
  /** The widget's release. */
  readonly version: string;
  /** The API's address for this store. */
  readonly base: string;
  /** The store's id. */
  readonly store: string;
  /** The cart as the shopper means it: what is on its way is in it already. */
  readonly cart: Cart;
  /** Whether the service did not answer just now, so that buttons lead to the store. */
  readonly away: boolean;
  /** Whether this browser keeps the cart longer than this page. */
  readonly keeps: boolean;
  /** Calls `draw` now and at every change, until the function that it gives is called. */
  subscribe(draw: (cart: Cart) => void): () => boolean;
  /** Adds a product. All promises here reject with a `Problem`. */
  add(item: NewItem): Promise<ServerCart>;
  /** Sets a line's quantity; 0 removes the line. */
  change(itemId: string, quantity: number): Promise<ServerCart>;
  remove(itemId: string): Promise<ServerCart>;
  /** Asks the service for the cart now, or with `false` only if what is known is older than 30 s. */
  refresh(force?: boolean): Promise<Cart>;
  /**
   * Leaves the page for the store's checkout. Where that would cost more or bring less than the
   * shopper was shown, it rejects with the code `cart-changed`, `changes`, `cart` and `tag`: show
   * them, and call again with the `tag`. An aborted `signal` ends it, and it resolves.
   */
  checkout(tag?: string | null, signal?: AbortSignal): Promise<void>;
  /** A product, asked for once a page. */
  product(id: number | string): Promise<Product>;
  /** Shows the drawer: the page's own, or one made for it. */
  open(): Promise<void>;
  /** What is wrong with this page; shows it too. */
  doctor(): Promise<Finding[]>;
}

export interface NewItem {
  catalogId: number | string;
  /** At most 4 decimals; 1 where it is left out. */
  quantity?: number;
  options?: ChosenOption[];
}

export interface ChosenOption {
  option_set_id: number;
  option_id: number;
  /** The option's name, or the text that was typed. */
  value?: string;
}

/** A cart as the service gave it. */
export interface ServerCart {
  items: Item[];
  /** The sum of the quantities. */
  item_count: number;
  /** Before tax and shipping. */
  subtotal: Figure;
  /** ISO 4217. */
  currency: string;
  /** When the store was last asked, ISO 8601; absent before the first answer. */
  as_of?: string;
  /** The store could not be asked since. */
  stale?: boolean;
  /** Some figures are not the store's own yet. */
  estimated?: boolean;
  changes?: Change[];
  /** Once, after the store has told that the cart was paid for. */
  ordered?: { at: string; item_count: number; subtotal: Money; currency: string };
}

/** The cart as the shopper means it. */
export interface Cart extends ServerCart {
  /** Something is on its way to the service. */
  pending: boolean;
  note: "" | "offline" | "expired" | "restored";
  /** How far a checkout is that takes long. */
  progress: { sent: number; of: number } | 0 | null | undefined;
}

export interface Item {
  /** Empty while the line is on its way to the service. */
  item_id: string;
  catalog_id: number;
  name: string;
  options: { name?: string; value?: string }[];
  quantity: number;
  /** These three are null where the store states them in a way that can't be read. */
  unit_price: Figure | null;
  option_price: Figure | null;
  line_total: Figure | null;
  image_url?: string | null;
  sku?: string;
  /** Absent while the line is on its way to the service. */
  state?: "in_store" | "pending" | "unreadable";
}

/** How the store changed a line. */
export interface Change {
  item_id: string;
  catalog_id: number;
  name: string;
  change: "repriced" | "reduced" | "increased" | "gone" | "refused";
  /** Prices where it was repriced, else quantities. */
  was: Figure;
  now: Figure;
  /** The store's own word, or empty. */
  reason: string;
}

export interface Product {
  catalog_id: number;
  sku: string;
  name: string;
  price: Money;
  /** The regular price of a product on sale. */
  list_price: Money | null;
  currency: string;
  image_url: string | null;
  product_url: string | null;
  available: boolean;
  minimum_quantity: number | null;
  maximum_quantity: number | null;
  quantity_step: number | null;
  fractional_quantity: boolean;
  option_sets: OptionSet[];
  variants: Variant[];
  /** Only where the service is set to show it. */
  stock?: number;
}

export interface OptionSet {
  option_set_id: number;
  name: string;
  /** The store's own word for it. */
  type: string;
  kind: "single" | "multiple" | "text" | "multiline" | "heading" | "unsupported";
  required: boolean;
  /** Characters of a typed text. */
  max_length: number | null;
  options: {
    option_id: number;
    name: string;
    price_difference: Money;
    selected: boolean;
    image_url: string | null;
  }[];
}

/** A combination of options with its own stock, and perhaps its own price. */
export interface Variant {
  option_ids: number[];
  available: boolean;
  unit_price?: Money;
  sku?: string;
}

/** What promises of the widget reject with: the problem document of the service (RFC 9457). */
export interface Problem extends Error {
  /** Such as "item-rejected"; "unreachable" or "offline" where there was no answer. */
  code: string;
  /** The HTTP status, where there was an answer. */
  status?: number;
  title?: string;
  detail?: string;
  type?: string;
  request_id?: string;
  retryable?: boolean;
  /** Seconds. */
  retry_after?: number;
  outcome?: "applied" | "pending" | "not_applied" | "unknown";
  errors?: { pointer: string; detail: string }[];
  /** With the code "cart-changed". */
  changes?: Change[];
  cart?: ServerCart;
  tag?: string | null;
}

export interface Finding {
  level: "error" | "warning" | "note";
  code: string;
  message: string;
  /** The line that mends it. */
  mend: string;
}

// --- Events on `document` ---

/** In the shape of the usual e-commerce analytics. */
export interface CartEvent {
  currency: string;
  value: number;
  items: {
    item_id: string;
    item_name: string;
    item_variant: string | undefined;
    price: number;
    quantity: number;
  }[];
  /** The cart holds prices that the store has not confirmed. */
  estimated: boolean | undefined;
}

/** The store has told that the cart of this browser was paid for. */
export interface PurchaseEvent {
  /** When the store told: an id of the purchase. */
  at: string;
  currency: string;
  value: number;
  /** `value` as a decimal string. */
  subtotal: string;
  item_count: number;
  /** Those of the last checkout from this browser. */
  items: CartEvent["items"];
}

export type CartErrorEvent = Pick<Problem, "code" | "message" | "retryable" | "outcome">;

// --- Elements and their attributes ---

export type TextKey = ButtonTextKey | DrawerTextKey;
export type ButtonTextKey =
  | "add" | "adding" | "added" | "view" | "count" | "refused" | "away" | "busy" | "offline"
  | "sold" | "sending" | "choose" | "price" | "quantities" | "store-only" | "out";
export type DrawerTextKey =
  | "cart" | "empty" | "subtotal" | "checkout" | "remove" | "quantity" | "less" | "more" | "close"
  | "memory" | "expired" | "restored" | "changed" | "total" | "unreadable" | "estimated" | "stay";

/** `text-add="…"` and so on: the element's own texts. */
export type TextAttributes = { [Key in TextKey as `text-${Key}`]?: string | undefined };

export interface CartButtonAttributes extends TextAttributes {
  /** The product. */
  "catalog-id"?: number | string | undefined;
  /** How many a press adds. */
  quantity?: number | string | undefined;
  /** The price that your text states; says so when the store's differs. */
  "shown-price"?: number | string | undefined;
  /** Adds nothing while the price differs. */
  "price-check"?: "block" | undefined;
  /** Where to buy while the service is away, if no link stands inside. */
  "product-url"?: string | undefined;
  /** The store's id, where the script does not name it. */
  store?: string | undefined;
  /** Fixes the option set of that id. */
  [option: `option-${number}`]: number | string | undefined;
}

export interface CartCountAttributes extends TextAttributes {
  store?: string | undefined;
}

export interface CartDrawerAttributes extends TextAttributes {
  /** Opens when something was added; an empty text, or true where a framework takes it. */
  "open-on-add"?: "" | true | undefined;
  store?: string | undefined;
}

export interface CartDrawerElement extends HTMLElement {
  open(): Promise<void>;
  close(): Promise<void>;
}

/** The attributes of each element: for the types of React's JSX, Vue's templates and so on. */
export interface CartElements {
  "cart-button": CartButtonAttributes;
  "cart-count": CartCountAttributes;
  "cart-drawer": CartDrawerAttributes;
  "cartproxy-button": CartButtonAttributes;
  "cartproxy-count": CartCountAttributes;
  "cartproxy-drawer": CartDrawerAttributes;
}

declare global {
  interface Window {
    /** Absent until the widget has started. */
    cartproxy?: Cartproxy;
  }
  interface DocumentEventMap {
    "cartproxy:add": CustomEvent<CartEvent>;
    "cartproxy:remove": CustomEvent<CartEvent>;
    "cartproxy:checkout": CustomEvent<CartEvent>;
    "cartproxy:purchase": CustomEvent<PurchaseEvent>;
    "cartproxy:error": CustomEvent<CartErrorEvent>;
  }
  interface HTMLElementTagNameMap {
    "cart-drawer": CartDrawerElement;
    "cartproxy-drawer": CartDrawerElement;
  }
}
