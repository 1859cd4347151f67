// The platform's functions take what an application gets, as it is. With the types of DOM.
import { fromCryptoKey, toCryptoKey } from "@copse/provider-webcrypto";
import { bytesOf, type Given } from "./values.js";

export async function handOver(given: Given, key: CryptoKey, socket: WebSocket, store: IDBObjectStore) {
  for (const bytes of await bytesOf(given)) {
    if (bytes === undefined) continue;
    await fetch("https://example.org", { method: "POST", body: bytes });
    new Blob([bytes]);
    await crypto.subtle.encrypt({ name: "AES-GCM", iv: bytes }, key, bytes);
    await crypto.subtle.digest("SHA-256", bytes);
    socket.send(bytes);
    store.put(bytes, "key");
    store.get(bytes);
    postMessage(bytes, { transfer: [bytes.buffer] });
    new TextDecoder().decode(bytes);
  }
  await crypto.subtle.sign("Ed25519", toCryptoKey(fromCryptoKey(key)), new Uint8Array());
}
